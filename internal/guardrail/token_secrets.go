package guardrail

func tokenSecret(w write) string {
	const account = "kubernetes.io/service-account.name"
	if w.object.Type != "kubernetes.io/service-account-token" ||
		!w.created() && sameKey(w.object.Metadata.Annotations, w.old.Metadata.Annotations, account) {
		return ""
	}
	return "the Secret asks for a token of a service account that never expires: " +
		"mount a projected serviceAccountToken volume instead"
}
