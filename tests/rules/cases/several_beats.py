# deploy/beat.yaml
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: beat  # DJC605
          command: ["celery", "-A", "project", "beat"]
---
kind: Deployment
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: worker
          args: ["celery", "-A", "project", "worker"]

# compose.yaml
services:
  one:
    command: celery -A project beat
  two:  # DJC605
    command: celery -A project beat
  locked:
    command: celery -A project beat -S redbeat.RedBeatScheduler
    deploy:
      replicas: 2
