package guardrail

import "strings"

func defaultToken(w write) string {
	account := w.object.Spec.ServiceAccountName
	if w.Allowed.DefaultToken || !w.created() || account != "" && account != "default" {
		return ""
	}
	for _, v := range w.object.Spec.Volumes {
		if strings.HasPrefix(v.name(), "kube-api-access-") && v.has("projected") {
			return "the pod gets a token of the service account default, which is not allowed: " +
				"set automountServiceAccountToken to false, name another service account, " +
				"or ask for tenantConfig.defaultToken of the TenantScore"
		}
	}
	return ""
}
