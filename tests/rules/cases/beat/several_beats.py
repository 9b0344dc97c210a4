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

# deploy/scaled.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: clock  # DJC605
spec:
  strategy:
    type: Recreate
  template:
    spec:
      containers:
        - name: app
          command: ["celery", "-A", "project", "beat"]
---
kind: Deployment
metadata:
  name: surging  # DJC605
spec:
  template:
    spec:
      containers:
        - name: app
          command: ["celery", "-A", "project", "beat"]
---
kind: Deployment
metadata:
  name: one
spec:
  strategy:
    rollingUpdate:
      maxSurge: 0
  template:
    spec:
      containers:
        - name: app
          command: ["celery", "-A", "project", "beat"]
---
kind: Deployment
metadata:
  name: fast
spec:
  template:
    spec:
      containers:
        - name: app
          command: ["celery", "-A", "project", "worker", "-Q", "fast"]

# deploy/scaling.yaml
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: clock
spec:
  scaleTargetRef:
    name: clock
  maxReplicaCount: 3
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: fast
spec:
  scaleTargetRef:
    kind: Deployment
    name: fast
  maxReplicas: 9

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
