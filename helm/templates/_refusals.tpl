{{/* What the schema cannot say: settings that contradict each other, or that the gateway would refuse at its start. */}}
{{- define "postern.refusals" -}}
{{- $values := .Values -}}
{{- $stores := list -}}
{{- if $values.redis.existingSecret.name }}{{ $stores = append $stores "redis.existingSecret.name" }}{{ end -}}
{{- if $values.redis.url }}{{ $stores = append $stores "redis.url" }}{{ end -}}
{{- if $values.valkey.enabled }}{{ $stores = append $stores "valkey.enabled" }}{{ end -}}
{{- if eq (len $stores) 0 -}}
{{- fail "No Redis is configured: set redis.existingSecret.name or redis.url, or valkey.enabled=true to try Postern out" -}}
{{- else if gt (len $stores) 1 -}}
{{- fail (printf "%s are set: keep one of them" (join " and " $stores)) -}}
{{- end -}}
{{- if and $values.smtp.existingSecret.name $values.smtp.url -}}
{{- fail "smtp.existingSecret.name and smtp.url are set: keep one of them" -}}
{{- end -}}
{{- if not (or $values.smtp.existingSecret.name $values.smtp.url $values.config.relays) -}}
{{- fail "No relay is configured, so that mail has nowhere to go: set smtp.existingSecret.name, smtp.url or config.relays" -}}
{{- end -}}
{{- if lt (int $values.terminationGracePeriodSeconds) (add 30 $values.preStopSeconds | int) -}}
{{- fail (printf "terminationGracePeriodSeconds must be %d or more: 30 for the gateway to end what it is sending, beside preStopSeconds" (add 30 $values.preStopSeconds)) -}}
{{- end -}}
{{- if and $values.worker.autoscaling.enabled $values.worker.keda.enabled -}}
{{- fail "worker.autoscaling.enabled and worker.keda.enabled are set: KEDA makes an autoscaler of its own, so keep one of them" -}}
{{- end -}}
{{- range $path, $scaling := dict "api.autoscaling" $values.api.autoscaling "worker.autoscaling" $values.worker.autoscaling "worker.keda" $values.worker.keda -}}
{{- if and $scaling.enabled (lt (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- fail (printf "%s.maxReplicas is below minReplicas" $path) -}}
{{- end -}}
{{- end -}}
{{- if and (not $values.reports.enabled) (or $values.reports.domain $values.reports.tls.existingSecret) -}}
{{- fail "reports.domain and reports.tls have no effect without reports.enabled=true" -}}
{{- end -}}
{{- with $values.tracing -}}
{{- if and (not .endpoint) (or .protocol .sampler (toString .samplerArg) .headers.existingSecret.name) -}}
{{- fail "tracing has no effect without tracing.endpoint: set it, or leave the others out" -}}
{{- end -}}
{{- if and (toString .samplerArg) (not (hasSuffix "traceidratio" .sampler)) -}}
{{- fail "tracing.samplerArg has no effect on this sampler: set tracing.sampler to parentbased_traceidratio, or leave it out" -}}
{{- end -}}
{{- end -}}
{{- range $path := list "PORT" "METRICS_PORT" "BOUNCE_PORT" "POSTERN_ROLE" "POSTERN_CONFIG" "REDIS_URL" "HOST" -}}
{{- range $entry := $values.extraEnv -}}
{{- if eq $entry.name $path -}}
{{- fail (printf "extraEnv sets %s, which the chart itself sets" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
