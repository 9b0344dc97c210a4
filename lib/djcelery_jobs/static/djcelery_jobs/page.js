// Keep the jobs page current: fetch its changing part every few seconds and merge the differences.
// Only differences, so that focus, selected text, ticked boxes and open details stay as they are.
"use strict";

const TIMEOUT = 10_000; // milliseconds

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.id : "";
}

function alike(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && key(old) === key(fresh);
}

/** Give `old` the attributes of `fresh`. Whether details are open is the reader's business. */
function copyAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/** Make `old` like `fresh`, and keep each node of it that has a counterpart. */
function merge(old, fresh) {
  if (old.nodeType === Node.ELEMENT_NODE) {
    copyAttributes(old, fresh);
    mergeChildren(old, [...fresh.childNodes]);
  } else if (old.nodeValue !== fresh.nodeValue) {
    old.nodeValue = fresh.nodeValue;
  }
}

function mergeChildren(parent, wanted) {
  const known = new Map([...parent.children].filter((child) => child.id).map((child) => [child.id, child]));
  const stays = new Set(wanted.map(key));
  let next = parent.firstChild;
  for (const fresh of wanted) {
    const old = known.get(key(fresh)) ?? next;
    if (old && alike(old, fresh)) {
      next = placed(parent, old, next, stays);
      merge(old, fresh);
    } else {
      parent.insertBefore(document.importNode(fresh, true), next);
    }
  }
  while (next) next = removed(next);
}

/**
 * Put `old` in the place of `next`, and return the node after it. Unwanted nodes between them are removed,
 * so that `old` need not move: an element that is moved, even to where it was, loses the focus.
 */
function placed(parent, old, next, stays) {
  while (next && next !== old && !(next.id && stays.has(next.id))) next = removed(next);
  if (next === old) return old.nextSibling;
  parent.insertBefore(old, next);
  return next;
}

function removed(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

class Clock {
  constructor(line) {
    this.line = line;
    this.url = line.dataset.url;
    this.pause = line.dataset.seconds * 1000;
    this.words = document.createElement("span");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.toggle());
    this.line.replaceChildren(this.words, " ", this.button);
    this.stopped = false;
    document.addEventListener("visibilitychange", () => this.wake());
    this.say(`As of ${new Date().toLocaleTimeString()}.`);
    this.label();
    this.later();
  }

  say(words) {
    this.words.textContent = words;
  }

  label() {
    this.button.textContent = this.stopped ? "Start updates" : "Stop updates";
  }

  toggle() {
    this.stopped = !this.stopped;
    this.label();
    this.wake();
  }

  later() {
    clearTimeout(this.timer);
    if (!this.stopped && !document.hidden) this.timer = setTimeout(() => this.look(), this.pause);
  }

  /** Refresh at once when somebody looks again, not after the pause. */
  wake() {
    if (this.stopped || document.hidden) clearTimeout(this.timer);
    else this.look();
  }

  async look() {
    clearTimeout(this.timer);
    try {
      const answer = await fetch(this.url, { signal: AbortSignal.timeout(TIMEOUT), credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("jobs-now");
      if (fresh) this.show(fresh);
      else this.say(answer.redirected ? "You are logged out. Reload the page." : `The server returned status ${answer.status}. Retrying.`);
    } catch {
      this.say("The server does not answer. Retrying.");
    }
    this.later();
  }

  show(fresh) {
    const section = document.activeElement.closest("#jobs-now section");
    merge(document.getElementById("jobs-now"), fresh);
    // The row that had the focus is gone: its heading is the nearest place.
    if (section && document.activeElement === document.body) section.querySelector("h2").focus();
    this.say(`As of ${new Date().toLocaleTimeString()}.`);
  }
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.form.querySelectorAll("input[name=job]")) box.checked = event.target.checked;
});

// The style sheet shows what needs this script. A mark on the page outlives each merge.
document.documentElement.classList.add("jobs-script");

const line = document.getElementById("jobs-clock");
if (line) new Clock(line);
