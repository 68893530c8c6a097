{{/* The pods of both roles. Each is handed (dict "root" $ "role" "api"|"worker"). */}}

{{/* One variable from a key of a Secret; nothing without a name. */}}
{{- define "postern.secretVariable" -}}
{{- if .from.name }}
- name: {{ .name }}
  valueFrom: { secretKeyRef: { name: {{ .from.name | quote }}, key: {{ .from.key | quote }} } }
{{- end }}
{{- end -}}

{{/* One plain variable; nothing if the value is empty. */}}
{{- define "postern.variable" -}}
{{- if .value }}
- name: {{ .name }}
  value: {{ .value | quote }}
{{- end }}
{{- end -}}

{{- define "postern.environment" -}}
{{- $values := .root.Values -}}
{{- $settings := $values.settings -}}
{{- include "postern.variable" (dict "name" "HOST" "value" $settings.host) }}
{{- include "postern.variable" (dict "name" "PORT" "value" "8080") }}
{{- include "postern.variable" (dict "name" "METRICS_PORT" "value" "9464") }}
{{- include "postern.variable" (dict "name" "LOG_FORMAT" "value" "json") }}
{{- include "postern.variable" (dict "name" "LOG_LEVEL" "value" $settings.logLevel) }}
{{- if $values.config }}
{{- include "postern.variable" (dict "name" "POSTERN_CONFIG" "value" "/etc/postern/postern.yaml") }}
{{- end }}
{{- if $values.valkey.enabled }}
{{- include "postern.variable" (dict "name" "REDIS_URL" "value" (printf "redis://%s-valkey:6379" (include "postern.fullname" .root))) }}
{{- end }}
{{- include "postern.variable" (dict "name" "REDIS_URL" "value" $values.redis.url) }}
{{- include "postern.secretVariable" (dict "name" "REDIS_URL" "from" $values.redis.existingSecret) }}
{{- include "postern.variable" (dict "name" "SMTP_URL" "value" $values.smtp.url) }}
{{- include "postern.secretVariable" (dict "name" "SMTP_URL" "from" $values.smtp.existingSecret) }}
{{- include "postern.variable" (dict "name" "PUBLIC_URL" "value" $values.publicUrl) }}
{{- include "postern.secretVariable" (dict "name" "UNSUBSCRIBE_SECRETS" "from" $values.unsubscribeSecrets.existingSecret) }}
{{- include "postern.variable" (dict "name" "MESSAGE_RETENTION" "value" $settings.messageRetention) }}
{{- include "postern.variable" (dict "name" "CONTENT_RETENTION" "value" $settings.contentRetention) }}
{{- include "postern.variable" (dict "name" "FAILED_CONTENT_RETENTION" "value" $settings.failedContentRetention) }}
{{- include "postern.variable" (dict "name" "MAX_MESSAGE_SIZE" "value" $settings.maxMessageSize) }}
{{- include "postern.variable" (dict "name" "MAX_BATCH_SIZE" "value" $settings.maxBatchSize) }}
{{- with $values.tracing }}
{{- if .endpoint }}
{{- include "postern.variable" (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" .endpoint) }}
{{- include "postern.variable" (dict "name" "OTEL_EXPORTER_OTLP_PROTOCOL" "value" .protocol) }}
{{- include "postern.secretVariable" (dict "name" "OTEL_EXPORTER_OTLP_HEADERS" "from" .headers.existingSecret) }}
{{- include "postern.variable" (dict "name" "OTEL_SERVICE_NAME" "value" (printf "%s-%s" (include "postern.fullname" $.root) $.role)) }}
{{- include "postern.variable" (dict "name" "OTEL_TRACES_SAMPLER" "value" .sampler) }}
{{- include "postern.variable" (dict "name" "OTEL_TRACES_SAMPLER_ARG" "value" (toString .samplerArg)) }}
{{- end }}
{{- end }}
{{- if eq .role "api" }}
{{- include "postern.secretVariable" (dict "name" "POSTERN_API_KEY" "from" $values.apiKey.existingSecret) }}
{{- end }}
{{- if $values.reports.enabled }}
{{- include "postern.variable" (dict "name" "RETURN_PATH_DOMAIN" "value" $values.reports.domain) }}
{{- include "postern.secretVariable" (dict "name" "RETURN_PATH_SECRETS" "from" $values.reports.existingSecret) }}
{{- include "postern.variable" (dict "name" "BOUNCE_PORT" "value" "2525") }}
{{- if and (eq .role "worker") $values.reports.tls.existingSecret }}
- { name: BOUNCE_TLS_CERT_FILE, value: /run/secrets/reports-tls/tls.crt }
- { name: BOUNCE_TLS_KEY_FILE, value: /run/secrets/reports-tls/tls.key }
{{- end }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metrics port answers in both roles, and apart from the API's load. */}}
{{- define "postern.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 2
  failureThreshold: 45
livenessProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{- define "postern.volumeMounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if .root.Values.config }}
- { name: config, mountPath: /etc/postern, readOnly: true }
{{- end }}
{{- range .root.Values.secretFiles }}
- { name: {{ printf "secret-%s" .name }}, mountPath: {{ printf "/run/secrets/%s" .name }}, readOnly: true }
{{- end }}
{{- if and (eq .role "worker") .root.Values.reports.enabled .root.Values.reports.tls.existingSecret }}
- { name: reports-tls, mountPath: /run/secrets/reports-tls, readOnly: true }
{{- end }}
{{- end -}}

{{- define "postern.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- if .root.Values.config }}
- name: config
  configMap: { name: {{ include "postern.fullname" .root }}-config }
{{- end }}
{{- range .root.Values.secretFiles }}
- name: {{ printf "secret-%s" .name }}
  secret: { secretName: {{ .existingSecret | quote }}, defaultMode: 0440 }
{{- end }}
{{- if and (eq .role "worker") .root.Values.reports.enabled .root.Values.reports.tls.existingSecret }}
- name: reports-tls
  secret: { secretName: {{ .root.Values.reports.tls.existingSecret | quote }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{/* Where the pods run. */}}
{{- define "postern.placement" -}}
{{- $role := index .root.Values .role -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $role.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $role.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $role.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $role.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- with $role.topologySpreadConstraints }}
{{ toYaml . | indent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "postern.selectorLabels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
{{- end }}
{{- end -}}

{{- define "postern.deployment" -}}
{{- $role := index .root.Values .role -}}
{{- $keda := and (eq .role "worker") .root.Values.worker.keda.enabled -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "postern.fullname" .root }}-{{ .role }}
  labels:
    {{- include "postern.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not (or $role.autoscaling.enabled $keda) }}
  replicas: {{ $role.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 }
  selector:
    matchLabels:
      {{- include "postern.selectorLabels" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
  template:
    metadata:
      annotations:
        # A new configuration is a new pod.
        checksum/config: {{ include (print .root.Template.BasePath "/configmap.yaml") .root | sha256sum }}
        {{- with $role.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      labels:
        {{- include "postern.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
        postern/metrics: "true"
        {{- with $role.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "postern.serviceAccountName" .root }}
      automountServiceAccountToken: false
      # Else a Service named "metrics" would set METRICS_PORT.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
      securityContext: {{ toYaml .root.Values.podSecurityContext | nindent 8 }}
      {{- include "postern.placement" . | nindent 6 }}
      containers:
        - name: postern
          image: {{ include "postern.image" (list .root.Values.image .root.Chart.AppVersion) | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [start, --role, {{ .role }}]
          env:
            {{- include "postern.environment" . | trim | nindent 12 }}
          {{- with .root.Values.envFrom }}
          envFrom: {{ toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- if eq .role "api" }}
            - { name: http, containerPort: 8080, protocol: TCP }
            {{- else if .root.Values.reports.enabled }}
            - { name: reports, containerPort: 2525, protocol: TCP }
            {{- end }}
            - { name: metrics, containerPort: 9464, protocol: TCP }
          {{- include "postern.probes" . | nindent 10 }}
          {{- if .root.Values.preStopSeconds }}
          lifecycle:
            preStop:
              sleep: { seconds: {{ .root.Values.preStopSeconds }} }
          {{- end }}
          resources: {{ toYaml $role.resources | nindent 12 }}
          securityContext: {{ toYaml .root.Values.securityContext | nindent 12 }}
          volumeMounts:
            {{- include "postern.volumeMounts" . | nindent 12 }}
      volumes:
        {{- include "postern.volumes" . | nindent 8 }}
{{- end -}}
