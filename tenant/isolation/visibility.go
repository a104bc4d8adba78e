package isolation

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// VisibilityTable is what a member of one tenant may do in its own tenant and in another, one row
// for each operation. Source: the read-visibility ADR, "What IS Enforced" and "What Is NOT
// Enforced"; see docs/sources.md.
type VisibilityTable struct {
	Member string          `json:"member"` // as rbac.Subject.String prints it
	Own    string          `json:"own"`    // the namespace of the member's tenant
	Other  string          `json:"other"`  // the namespace of the other tenant
	Rows   []VisibilityRow `json:"rows"`   // one for each operation, in a fixed order
}

// VisibilityRow is one operation.
type VisibilityRow struct {
	Operation string `json:"operation"` // such as "view pods"
	Own       bool   `json:"own"`       // allowed in the member's own tenant
	Other     bool   `json:"other"`     // allowed in the other tenant
	Why       string `json:"why"`       // what decides in the other tenant, for people
}

// visibilityRows are the operations about objects, and the question that stands for each.
var visibilityRows = []struct {
	operation string
	question  rbac.Question
}{
	{"view pods", rbac.Question{Verb: "list", Resource: "pods"}},
	{"create pods", rbac.Question{Verb: "create", Resource: "pods"}},
	{"delete pods", rbac.Question{Verb: "delete", Resource: "pods"}},
	{"read logs", rbac.Question{Verb: "get", Resource: "pods", Subresource: "log"}},
	{"run commands in pods", rbac.Question{Verb: "create", Resource: "pods", Subresource: "exec"}},
	{"forward ports", rbac.Question{Verb: "create", Resource: "pods", Subresource: "portforward"}},
	{"view deployments", rbac.Question{Verb: "list", APIGroup: "apps", Resource: "deployments"}},
	{"scale deployments", rbac.Question{
		Verb: "patch", APIGroup: "apps", Resource: "deployments", Subresource: "scale",
	}},
	{"modify services", rbac.Question{Verb: "patch", Resource: "services"}},
	{"view ingresses", rbac.Question{Verb: "list", APIGroup: "networking.k8s.io", Resource: "ingresses"}},
	{"read ConfigMaps", rbac.Question{Verb: "get", Resource: "configmaps"}},
	{"read Secrets", rbac.Question{Verb: "get", Resource: "secrets"}},
	{"tokens of service accounts", rbac.Question{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}},
	{"modify network policies", rbac.Question{
		Verb: "patch", APIGroup: "networking.k8s.io", Resource: "networkpolicies",
	}},
	{"modify quotas", rbac.Question{Verb: "patch", Resource: "resourcequotas"}},
	{"grant rights", rbac.Question{Verb: "create", APIGroup: "rbac.authorization.k8s.io", Resource: "rolebindings"}},
}

// Visibility returns the table for the first member of a tenant, from every grant and network
// policy that was read. The last row asks whether a pod of the tenant can connect to pods on TCP
// port 80. A tenant without members is an error.
func Visibility(in topology.Inspection, of, other tenant.TenantScore) (VisibilityTable, error) {
	if len(of.RBAC.Members) == 0 {
		return VisibilityTable{}, fmt.Errorf("the tenant %s has no members; set rbac.members", of.TenantConfig.Name)
	}
	subject := of.RBAC.Members[0].Subject()
	table := VisibilityTable{Member: subject.String(), Own: of.TenantConfig.Name, Other: other.TenantConfig.Name}
	grants := rbac.NewState(in.Grants)
	for _, row := range visibilityRows {
		q := row.question
		q.User, q.Groups = principal(subject, table.Own)
		q.Namespace = table.Own
		own := grants.Answer(q)
		q.Namespace = table.Other
		there := grants.Answer(q)
		table.Rows = append(table.Rows, VisibilityRow{
			Operation: row.operation, Own: own.Allowed, Other: there.Allowed, Why: there.Reason,
		})
	}
	own, there := reach(in, table.Own, table.Own), reach(in, table.Own, table.Other)
	table.Rows = append(table.Rows, VisibilityRow{
		Operation: "connect to pods", Own: own.Allowed, Other: there.Allowed, Why: there.Reason,
	})
	return table, nil
}

// principal returns a user and groups that have the rights of a subject. For a group they are those
// of a member.
func principal(s rbac.Subject, tenant string) (user string, groups []string) {
	user, groups = "member of "+tenant, []string{"system:authenticated"}
	switch s.Kind {
	case rbac.User:
		user = s.Name
	case rbac.ServiceAccount:
		user = "system:serviceaccount:" + s.Namespace + ":" + s.Name
	case rbac.Group:
		groups = append(groups, s.Name)
	}
	return user, groups
}

// reach reports whether pods of one namespace can connect to pods of another.
func reach(in topology.Inspection, from, to string) netpolicy.Answer {
	state := netpolicy.State{Policies: in.Policies, NamespaceLabels: map[string]map[string]string{}}
	for _, ns := range in.Namespaces {
		state.NamespaceLabels[ns.Namespace.Name] = ns.Labels
	}
	return state.Reach(netpolicy.Connection{
		From: netpolicy.Endpoint{Namespace: from}, To: netpolicy.Endpoint{Namespace: to},
		Protocol: netpolicy.TCP, Port: 80,
	})
}

var allowedText = map[bool]string{true: "allowed", false: "refused"}

// String prints the table for a terminal, in aligned columns.
func (t VisibilityTable) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tin %s\tin %s\n", t.Member, t.Own, t.Other)
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Operation, allowedText[r.Own], allowedText[r.Other])
	}
	_ = w.Flush() // a strings.Builder returns no error
	return strings.TrimSuffix(b.String(), "\n")
}

// Markdown prints the table as Markdown, with the column Why.
func (t VisibilityTable) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | in %s | in %s | why |\n| --- | --- | --- | --- |\n", t.Member, t.Own, t.Other)
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Operation, allowedText[r.Own], allowedText[r.Other], r.Why)
	}
	return b.String()
}
