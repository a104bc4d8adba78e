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

// VisibilityTable is what a member of one tenant may do at home and in another tenant, operation by operation. Source: ADR-009, "What IS Enforced" and
// "What is NOT Enforced".
type VisibilityTable struct {
	Member string          `json:"member"` // who
	Own    string          `json:"own"`    // the namespace of the member's tenant
	Other  string          `json:"other"`  // that of the other tenant
	Rows   []VisibilityRow `json:"rows"`
}

// VisibilityRow is one operation.
type VisibilityRow struct {
	Operation string `json:"operation"`
	Own       bool   `json:"own"`
	Other     bool   `json:"other"`
	Why       string `json:"why"` // what decides in the other tenant
}

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
	{"scale deployments", rbac.Question{Verb: "patch", APIGroup: "apps", Resource: "deployments", Subresource: "scale"}},
	{"modify services", rbac.Question{Verb: "patch", Resource: "services"}},
	{"view ingresses", rbac.Question{Verb: "list", APIGroup: "networking.k8s.io", Resource: "ingresses"}},
	{"read ConfigMaps", rbac.Question{Verb: "get", Resource: "configmaps"}},
	{"read Secrets", rbac.Question{Verb: "get", Resource: "secrets"}},
	{"tokens of service accounts", rbac.Question{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}},
	{"modify network policies", rbac.Question{Verb: "patch", APIGroup: "networking.k8s.io", Resource: "networkpolicies"}},
	{"modify quotas", rbac.Question{Verb: "patch", Resource: "resourcequotas"}},
	{"grant rights", rbac.Question{Verb: "create", APIGroup: "rbac.authorization.k8s.io", Resource: "rolebindings"}},
}

// Visibility answers for the first member of a tenant, from everything that is in force. The last row is about pods: whether one of
// the tenant's can connect to another.
func Visibility(in topology.Inspection, of, other tenant.TenantScore) (VisibilityTable, error) {
	if len(of.RBAC.Members) == 0 {
		return VisibilityTable{}, fmt.Errorf("%s has no members who could do anything", of.Name())
	}
	member := of.RBAC.Members[0]
	subject := member.Subject()
	table := VisibilityTable{Member: subject.String(), Own: of.TenantConfig.Name, Other: other.TenantConfig.Name}
	grants := rbac.NewState(in.Grants)
	sender := rbac.Question{User: "member of " + of.TenantConfig.Name, Groups: []string{"system:authenticated"}}
	switch subject.Kind {
	case rbac.User:
		sender.User = subject.Name
	case rbac.ServiceAccount:
		sender.User = "system:serviceaccount:" + subject.Namespace + ":" + subject.Name
	case rbac.Group:
		sender.Groups = append(sender.Groups, subject.Name)
	}
	for _, row := range visibilityRows {
		q := row.question
		q.User, q.Groups = sender.User, sender.Groups
		q.Namespace = table.Own
		own := grants.Answer(q)
		q.Namespace = table.Other
		other := grants.Answer(q)
		table.Rows = append(table.Rows, VisibilityRow{Operation: row.operation, Own: own.Allowed, Other: other.Allowed, Why: other.Reason})
	}
	network := netpolicy.State{Policies: in.Policies, NamespaceLabels: map[string]map[string]string{}}
	for _, ns := range in.Namespaces {
		network.NamespaceLabels[ns.Namespace.Name] = ns.Labels
	}
	reach := func(namespace string) netpolicy.Answer {
		return network.Reach(netpolicy.Connection{
			From: netpolicy.Endpoint{Namespace: table.Own}, To: netpolicy.Endpoint{Namespace: namespace}, Protocol: netpolicy.TCP, Port: 80,
		})
	}
	answer := reach(table.Other)
	table.Rows = append(table.Rows, VisibilityRow{Operation: "connect to pods", Own: reach(table.Own).Allowed, Other: answer.Allowed, Why: answer.Reason})
	return table, nil
}

var allowedText = map[bool]string{true: "allowed", false: "refused"}

// String prints the table for a terminal.
func (t VisibilityTable) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tin %s\tin %s\n", t.Member, t.Own, t.Other)
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Operation, allowedText[r.Own], allowedText[r.Other])
	}
	_ = w.Flush() // a strings.Builder takes everything
	return strings.TrimSuffix(b.String(), "\n")
}

// Markdown prints the table with what decides.
func (t VisibilityTable) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | in %s | in %s | why |\n| --- | --- | --- | --- |\n", t.Member, t.Own, t.Other)
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Operation, allowedText[r.Own], allowedText[r.Other], r.Why)
	}
	return b.String()
}
