{{/* The name of all that bears no other: the release's, with the chart's in it. */}}
{{- define "agentctl.name" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 42 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 42 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What the operator's pods are found by. */}}
{{- define "agentctl.selector" -}}
app.kubernetes.io/name: agentctl
app.kubernetes.io/instance: {{ include "agentctl.name" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of all that the chart makes. */}}
{{- define "agentctl.labels" -}}
{{ include "agentctl.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The operator's image. */}}
{{- define "agentctl.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Who is given the operator's rights. */}}
{{- define "agentctl.subjects" -}}
- kind: ServiceAccount
  name: {{ include "agentctl.name" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
