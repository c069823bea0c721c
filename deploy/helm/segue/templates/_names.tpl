{{- define "segue.name" -}}
{{- $name := .Values.fullnameOverride | default (.Release.Name | replace "." "-" | trunc 50 | trimSuffix "-") -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "release %q: no Service can be called so, as its name begins with a letter: say fullnameOverride" .Release.Name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "segue.selector" -}}
app.kubernetes.io/name: segue
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "segue.labels" -}}
{{ include "segue.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{- define "segue.account" -}}
{{- if .Values.serviceAccount.name -}}
{{ .Values.serviceAccount.name }}
{{- else if .Values.rbac.create -}}
{{ include "segue.name" . }}
{{- end -}}
{{- end -}}
