{{- /* segue.noSecrets refuses what would stand in clear where many may read it: in the ConfigMap, or in the Deployment. */ -}}
{{- define "segue.noSecrets" -}}
{{- $way := "put it in a Secret (kubectl create secret generic NAME --from-file=app=FILE), say secrets: [NAME], and in its place" -}}
{{- range $part := list "discover" "health" -}}
{{- if hasKey (index $.Values.config $part | default dict) "password" -}}
{{- fail (printf "config.%s.password would stand in a ConfigMap, in clear: %s password_file: /run/secrets/segue/KEY" $part $way) -}}
{{- end -}}
{{- end -}}
{{- range $i, $user := .Values.config.users -}}
{{- range $key := list "password" "hash" -}}
{{- if hasKey $user $key -}}
{{- fail (printf "config.users[%d].%s would stand in a ConfigMap, in clear: %s password_file: /run/secrets/segue/KEY" $i $key $way) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $i, $backend := .Values.config.backends -}}
{{- if kindIs "map" $backend -}}
{{- if regexMatch "^https?://[^/?#]*@" ($backend.health | default "" | toString) -}}
{{- fail (printf "config.backends[%d].health: its password would stand in a ConfigMap, in clear: let the health URL be asked without one" $i) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $i, $variable := .Values.extraEnv -}}
{{- if and (hasSuffix "_PASSWORD" $variable.name) (hasKey $variable "value") -}}
{{- fail (printf "extraEnv[%d]: %s would stand in the Deployment, in clear: name a Secret in valueFrom.secretKeyRef, or say password_file in config" $i $variable.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* segue.config is the configuration: what the chart decides, over what config says. */ -}}
{{- define "segue.config" -}}
{{- $said := .Values.config -}}
{{- if not (or $said.backends $said.discover) -}}
{{- fail "config: neither backends nor discover: say where the servers are, for example --set 'config.discover.dns={sr-fe-search.starrocks:9030}'" -}}
{{- end -}}
{{- include "segue.noSecrets" . -}}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- if hasKey $.Values.podLabels $label -}}
{{- fail (printf "podLabels: %s: by that label the chart's objects find the pods; take another one" $label) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "listen" "admin" "admin_mode" "admin_group" "admin_token_file" "admin_read" "takeover" "shutdown" -}}
{{- if hasKey $said $key -}}
{{- fail (printf "config.%s: the chart says that itself; see service.port, admin and shutdown" $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey ($said.load | default dict) "listen" -}}
{{- fail "config.load.listen: the chart says that itself; see loads.enabled and loads.port" -}}
{{- end -}}
{{- if and .Values.loads.enabled (not (has ($said.flavor | default "starrocks") (list "starrocks" "doris"))) -}}
{{- fail (printf "loads.enabled: %s has no Stream Load; it is for config.flavor starrocks and doris" $said.flavor) -}}
{{- end -}}
{{- if and .Values.loads.enabled (eq (int .Values.loads.port) (int .Values.service.port)) -}}
{{- fail "loads.port: it is service.port too; one Service has a port for each" -}}
{{- end -}}
{{- if hasKey ($said.drain | default dict) "timeout" -}}
{{- fail "config.drain.timeout: say shutdown.drainSeconds, from which terminationGracePeriodSeconds follows" -}}
{{- end -}}
{{- if and ($said.discover | default dict).kubernetes (not (include "segue.account" .)) -}}
{{- fail "config.discover.kubernetes: the pods' account may not list EndpointSlices: say rbac.create=true, or serviceAccount.name of an account that may" -}}
{{- end -}}
{{- if or $said.state ($said.discover | default dict).file -}}
{{- fail "config.state, config.discover.file: a pod of this chart has no volume for them, and a root that nothing is written to; leave them out" -}}
{{- end -}}
{{- range $i, $variable := .Values.extraEnv -}}
{{- if regexMatch "^SEGUE_(CONFIG|LISTEN|ADMIN|ADMIN_(MODE|GROUP|TOKEN_FILE|READ|TLS_.*)|LOAD_LISTEN|TAKEOVER_.*|SHUTDOWN_.*|DRAIN_TIMEOUT|STATE|DISCOVER_FILE|DISCOVER_KUBERNETES_.*)$" $variable.name -}}
{{- fail (printf "extraEnv[%d]: %s would win over what the chart says, while its probes, Services and grace go by that; see config, service.port, loads, admin and shutdown" $i $variable.name) -}}
{{- end -}}
{{- end -}}
{{- if and $said.admin_tls .Values.serviceMonitor.enabled (not .Values.serviceMonitor.tlsConfig) -}}
{{- fail "serviceMonitor.tlsConfig: config.admin_tls is set, and Prometheus would trust no certificate of it: name its authority, as values.yaml has it" -}}
{{- end -}}
{{- $own := dict "listen" ":9030" "admin" ":9131" "admin_read" .Values.admin.read "takeover" (dict "offer" false) "drain" (dict "timeout" (printf "%ds" (int .Values.shutdown.drainSeconds))) -}}
{{- if .Values.loads.enabled -}}
{{- $_ := set $own "load" (dict "listen" ":8030") -}}
{{- end -}}
{{- if .Values.admin.tokenSecret -}}
{{- $_ := set $own "admin_token_file" "/run/secrets/segue-admin/token" -}}
{{- else if eq .Values.admin.read "token" -}}
{{- fail "admin.read=token: there is no token: name a Secret in admin.tokenSecret" -}}
{{- end -}}
{{- /* the names of the admin Service: by another one Segue answers nothing but probes and metrics */ -}}
{{- $admin := printf "%s-admin" (include "segue.name" .) -}}
{{- $_ := set $own "admin_hosts" (concat (list $admin (printf "%s.%s" $admin .Release.Namespace) (printf "%s.%s.svc" $admin .Release.Namespace)) ($said.admin_hosts | default list)) -}}
{{- toYaml (mergeOverwrite (dict "limits" (dict "statements_memory" "64MiB") "load" (dict "memory" "64MiB")) (deepCopy $said) $own) -}}
{{- end -}}
