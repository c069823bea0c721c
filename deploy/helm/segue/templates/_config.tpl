{{- /* segue.config is the configuration: what the chart decides, over what config says. */ -}}
{{- define "segue.config" -}}
{{- $said := .Values.config -}}
{{- if not (or $said.backends $said.discover) -}}
{{- fail "config: neither backends nor discover: say where the servers are, for example --set 'config.discover.dns={sr-fe-search.starrocks:9030}'" -}}
{{- end -}}
{{- range $key := list "listen" "admin" "admin_mode" "admin_group" "admin_token_file" "admin_read" "takeover" "shutdown" -}}
{{- if hasKey $said $key -}}
{{- fail (printf "config.%s: the chart says that itself; see service.port, admin and shutdown" $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey ($said.drain | default dict) "timeout" -}}
{{- fail "config.drain.timeout: say shutdown.drainSeconds, from which terminationGracePeriodSeconds follows" -}}
{{- end -}}
{{- if and ($said.discover | default dict).kubernetes (not (include "segue.account" .)) -}}
{{- fail "config.discover.kubernetes: the pods' account may not list EndpointSlices: say rbac.create=true, or serviceAccount.name of an account that may" -}}
{{- end -}}
{{- $own := dict "listen" ":9030" "admin" ":9131" "admin_read" .Values.admin.read "takeover" (dict "offer" false) "drain" (dict "timeout" (printf "%ds" (int .Values.shutdown.drainSeconds))) -}}
{{- if .Values.admin.tokenSecret -}}
{{- $_ := set $own "admin_token_file" "/run/secrets/segue-admin/token" -}}
{{- else if eq .Values.admin.read "token" -}}
{{- fail "admin.read=token: there is no token: name a Secret in admin.tokenSecret" -}}
{{- end -}}
{{- toYaml (mergeOverwrite (dict "limits" (dict "statements_memory" "64MiB")) (deepCopy $said) $own) -}}
{{- end -}}
