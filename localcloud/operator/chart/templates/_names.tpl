{{- /* The name of the release's own objects, as ACK's chart makes it. */ -}}
{{- define "operator.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- /* The namespaces that the operator watches; its own where none is named. */ -}}
{{- define "operator.namespaces" -}}
{{- .Values.watchNamespace | default .Release.Namespace -}}
{{- end -}}

{{- /* What the operator may do with jobs. Secrets and config maps stay closed to it: no job refers to one. */ -}}
{{- define "operator.rules" -}}
- apiGroups: [sagemaker.services.k8s.aws]
  resources: [transformjobs]
  verbs: [get, list, watch, patch, update]
- apiGroups: [sagemaker.services.k8s.aws]
  resources: [transformjobs/status]
  verbs: [get, patch, update]
{{- end -}}
