package k8s_test

import (
	"net/netip"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// namespace returns the namespace of a tenant with random labels.
func (p *pair) namespace(name string) topology.Namespace {
	ns := topology.Namespace{Name: name, PodSecurity: one(p.grammar, topology.PodSecurityRestricted, topology.PodSecurityBaseline, topology.PodSecurityPrivileged)}
	ns.Allowed.Domains = some(p.grammar, name+".example.com", name+".example.net")
	for _, key := range some(p.grammar, "team", "stage") {
		if ns.Labels == nil {
			ns.Labels = map[string]string{}
		}
		ns.Labels[key] = one(p.grammar, "a", "b")
	}
	return ns
}

// grants returns grants of some of the roles, in random order.
func (p *pair) grants(roles ...string) []topology.Grant {
	var all []topology.Grant
	for _, role := range roles {
		if p.IntN(4) > 0 {
			all = append(all, p.grant(role))
		}
	}
	return all
}

func (p *pair) grant(role string) topology.Grant {
	g := topology.Grant{Role: role}
	for range 1 + p.IntN(3) {
		g.Rules = append(g.Rules, rbac.Rule{
			Verbs:         p.someOf("get", "list", "create", "watch", "*"),
			APIGroups:     p.someOf("", "apps", "batch", "*"),
			Resources:     p.someOf("pods", "secrets", "deployments", "pods/log", "deployments/scale", "*/scale", "pods/*", "*/*", "*"),
			ResourceNames: one(p.grammar, nil, nil, nil, nil, []string{"one", "two"}, []string{"*"}, []string{""}),
		})
	}
	for range p.IntN(7) {
		g.Subjects = append(g.Subjects, p.subject())
	}
	return g
}

// someOf returns at least one of the values, and rarely the last, which is the widest.
func (p *pair) someOf(values ...string) []string {
	picked := some(p.grammar, values[:len(values)-1]...)
	if len(picked) == 0 {
		picked = []string{one(p.grammar, values...)}
	}
	return picked
}

func (p *pair) user() string { return p.prefix + one(p.grammar, "-alice", "-bob", "-carol") }

// group returns a group of the pair, or one of Kubernetes.
func (p *pair) group() string {
	own := p.prefix + one(p.grammar, "-devs", "-ops", "-readers", "-alice")
	return one(p.grammar, own, own, own, "system:authenticated", "system:serviceaccounts", "system:serviceaccounts:"+one(p.grammar, p.namespaces()...))
}

func (p *pair) account() string {
	return "system:serviceaccount:" + one(p.grammar, p.namespaces()...) + ":" + one(p.grammar, "default", "bot")
}

// subject returns a random subject. A service account need not name its namespace.
func (p *pair) subject() rbac.Subject {
	switch p.IntN(3) {
	case 0:
		return rbac.Subject{Kind: rbac.User, Name: one(p.grammar, p.user(), p.user(), p.account())}
	case 1:
		return rbac.Subject{Kind: rbac.Group, Name: p.group()}
	default:
		return rbac.Subject{Kind: rbac.ServiceAccount, Namespace: one(p.grammar, append(p.namespaces(), "", "")...), Name: one(p.grammar, "default", "bot")}
	}
}

// accessQuestion returns a random question, often about the rights of one of the grants.
func (p *pair) accessQuestion(grants []rbac.Binding) rbac.Question {
	q := rbac.Question{
		User:        one(p.grammar, p.user(), p.user(), p.account(), p.account(), ""),
		Groups:      some(p.grammar, p.group(), p.group(), p.group()),
		Verb:        one(p.grammar, "get", "get", "list", "create", "watch", "delete", "*"),
		APIGroup:    one(p.grammar, "", "", "apps", "batch", "*"),
		Resource:    one(p.grammar, "pods", "pods", "secrets", "deployments", "jobs", "services", "pods/log", "*"),
		Subresource: one(p.grammar, "", "", "", "log", "scale", "*"),
		Namespace:   one(p.grammar, append(p.namespaces(), "", p.prefix+"-missing")...),
		Name:        one(p.grammar, "", "one", "two", "three", "*"),
	}
	if g := one(p.grammar, grants...); p.IntN(2) == 0 && len(g.Rules) > 0 && len(g.Subjects) > 0 {
		p.aim(&q, g)
	}
	if p.IntN(30) == 0 {
		q.Groups = append(q.Groups, "system:masters")
	}
	if len(q.Groups) == 0 && q.User == "" {
		q.Groups = []string{p.group()}
	}
	return q
}

// aim changes all but one field of a question to those of the grant.
func (p *pair) aim(q *rbac.Question, g rbac.Binding) {
	was, rule, subject := *q, one(p.grammar, g.Rules...), one(p.grammar, g.Subjects...)
	q.Namespace, q.Verb, q.APIGroup = g.Namespace, one(p.grammar, rule.Verbs...), one(p.grammar, rule.APIGroups...)
	q.Resource, q.Subresource, _ = strings.Cut(one(p.grammar, rule.Resources...), "/")
	if len(rule.ResourceNames) > 0 {
		q.Name = one(p.grammar, rule.ResourceNames...)
	}
	switch q.User, q.Groups = "", nil; subject.Kind {
	case rbac.User:
		q.User = subject.Name
	case rbac.Group:
		q.Groups = []string{subject.Name}
	case rbac.ServiceAccount:
		q.User = "system:serviceaccount:" + subject.Namespace + ":" + subject.Name
	}
	switch p.IntN(9) {
	case 0:
		q.Namespace = was.Namespace
	case 1:
		q.Verb = was.Verb
	case 2:
		q.APIGroup = was.APIGroup
	case 3:
		q.Resource, q.Subresource = was.Resource, was.Subresource
	case 4:
		q.Name = was.Name
	case 5:
		q.User, q.Groups = was.User, was.Groups
	}
}

// networkRules returns random rules that Polyphony can write.
func (p *pair) networkRules() []topology.NetworkRule {
	var rules []topology.NetworkRule
	for range p.IntN(4) {
		var rule topology.NetworkRule
		for range p.IntN(4) {
			rule.Peers = append(rule.Peers, p.networkPeer())
		}
		for range p.IntN(3) {
			port := p.policyPort()
			rule.Ports = append(rule.Ports, topology.NetworkPort{Protocol: port.Protocol, Port: port.Port, EndPort: port.EndPort})
		}
		rules = append(rules, rule)
	}
	return rules
}

func (p *pair) networkPeer() topology.NetworkPeer {
	peer := topology.NetworkPeer{PodLabels: p.podLabels()}
	switch p.IntN(4) {
	case 0:
		block := p.block()
		return topology.NetworkPeer{CIDR: block.CIDR, Except: block.Except}
	case 1:
		peer.EveryNamespace = true
	case 2:
		key, values := p.namespaceLabel()
		peer.NamespaceLabels = map[string]string{key: one(p.grammar, values...)}
	}
	return peer
}

// policy returns a random foreign policy for some pods, in one direction or both.
func (p *pair) policy(namespace, name string) netpolicy.Policy {
	policy := netpolicy.Policy{Namespace: namespace, Name: name, Pods: *p.podSelector()}
	directions := p.IntN(3)
	if directions != 0 {
		policy.Ingress = p.policyRules()
	}
	if directions != 1 {
		policy.Egress = p.policyRules()
	}
	return policy
}

func (p *pair) policyRules() *netpolicy.Rules {
	rules := netpolicy.Rules{}
	for range p.IntN(3) {
		var rule netpolicy.Rule
		for range 1 + p.IntN(3) {
			rule.Peers = append(rule.Peers, p.policyPeer())
		}
		for range p.IntN(3) {
			rule.Ports = append(rule.Ports, p.policyPort())
		}
		rules = append(rules, rule)
	}
	return &rules
}

func (p *pair) policyPeer() netpolicy.Peer {
	switch p.IntN(4) {
	case 0:
		return p.block()
	case 1:
		return netpolicy.Peer{Pods: p.podSelector()}
	case 2:
		return netpolicy.Peer{Namespaces: p.namespaceSelector()}
	default:
		return netpolicy.Peer{Namespaces: p.namespaceSelector(), Pods: p.podSelector()}
	}
}

func (p *pair) block() netpolicy.Peer {
	return one(p.grammar,
		netpolicy.Peer{CIDR: "192.0.2.0/24", Except: some(p.grammar, "192.0.2.128/25", "192.0.2.7/32")},
		netpolicy.Peer{CIDR: "0.0.0.0/0", Except: some(p.grammar, "10.0.0.0/8", "192.0.2.0/24")},
		netpolicy.Peer{CIDR: "2001:db8::/32", Except: some(p.grammar, "2001:db8:1::/48")},
		netpolicy.Peer{CIDR: "::/0"},
	)
}

func (p *pair) policyPort() netpolicy.Port {
	port := netpolicy.Port{Protocol: one(p.grammar, netpolicy.TCP, netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP)}
	switch p.IntN(4) {
	case 0:
		port.Port = one[int32](p.grammar, 53, 80, 443)
	case 1:
		port.Port, port.EndPort = 1000, 2000
	case 2:
		port.Name = one(p.grammar, "http", "dns")
	}
	return port
}

func (p *pair) podLabels() map[string]string {
	labels := map[string]string{}
	for _, key := range some(p.grammar, "app", "tier") {
		labels[key] = one(p.grammar, "a", "b", "")
	}
	return labels
}

func (p *pair) podSelector() *netpolicy.Selector {
	return p.selector(one(p.grammar, "app", "tier"), "a", "b", "")
}

func (p *pair) namespaceSelector() *netpolicy.Selector {
	key, values := p.namespaceLabel()
	return p.selector(key, values...)
}

// namespaceLabel returns a label of namespaces: of Kubernetes, of Polyphony, of the tenant's Score
// or of others.
func (p *pair) namespaceLabel() (key string, values []string) {
	switch p.IntN(7) {
	case 0:
		return "kubernetes.io/metadata.name", p.namespaces()
	case 1:
		return topology.LabelTenant, p.tenants
	case 2:
		return "pod-security.kubernetes.io/" + one(p.grammar, "enforce", "audit", "warn"), []string{"restricted", "baseline", "privileged"}
	case 3:
		domain := one(p.grammar, "example.com", "example.net", p.tenants[0]+".example.com", p.tenants[1]+".example.com")
		return adapter.LabelDomain + domain, []string{adapter.DomainHeld, adapter.DomainAbove}
	case 4:
		return "app.kubernetes.io/managed-by", []string{"someone", "polyphony"}
	case 5:
		return "example.com/zone", []string{"a", "b"}
	default:
		return one(p.grammar, "team", "stage"), []string{"a", "b"}
	}
}

// selector returns a random selector of the label.
func (p *pair) selector(key string, values ...string) *netpolicy.Selector {
	in := func(operator netpolicy.Operator, values ...string) *netpolicy.Selector {
		return &netpolicy.Selector{Expressions: []netpolicy.Requirement{{Key: key, Operator: operator, Values: values}}}
	}
	switch p.IntN(7) {
	case 0:
		return &netpolicy.Selector{}
	case 1:
		return in(netpolicy.NotIn, one(p.grammar, values...))
	case 2:
		return in(netpolicy.In, one(p.grammar, values...), one(p.grammar, values...))
	case 3:
		return in(netpolicy.Exists)
	case 4:
		return in(netpolicy.DoesNotExist)
	default:
		return &netpolicy.Selector{Labels: map[string]string{key: one(p.grammar, values...)}}
	}
}

// connection returns a random valid connection.
func (p *pair) connection() netpolicy.Connection {
	c := netpolicy.Connection{
		From: p.pod(), To: p.pod(), Protocol: one(p.grammar, netpolicy.TCP, netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP),
		Port: one[int32](p.grammar, 1, 53, 80, 443, 999, 1000, 1500, 2000, 2001, 8080, 65535),
	}
	switch p.IntN(6) {
	case 0:
		c.From = netpolicy.Endpoint{Address: p.address()}
	case 1:
		c.To = netpolicy.Endpoint{Address: p.address()}
	}
	return c
}

func (p *pair) pod() netpolicy.Endpoint {
	pod := netpolicy.Endpoint{Namespace: one(p.grammar, p.namespaces()...), PodLabels: p.podLabels()}
	if p.IntN(3) == 0 {
		pod.Address = p.address()
	}
	if p.IntN(2) == 0 {
		pod.PortNames = map[string]netpolicy.NamedPort{
			"http": {Protocol: netpolicy.TCP, Port: one[int32](p.grammar, 80, 8080)}, "dns": {Protocol: one(p.grammar, netpolicy.TCP, netpolicy.UDP), Port: 53},
		}
	}
	return pod
}

func (p *pair) address() netip.Addr {
	return netip.MustParseAddr(one(p.grammar, "192.0.2.1", "192.0.2.7", "192.0.2.200", "::ffff:192.0.2.1", "::ffff:192.0.2.200", "10.244.1.2", "203.0.113.1",
		"2001:db8::1", "2001:db8:1::1", "2001:db9::1"))
}

// spoil makes a connection invalid.
func (p *pair) spoil(c *netpolicy.Connection) {
	switch p.IntN(4) {
	case 0:
		c.Port = 0
	case 1:
		c.Protocol = "ICMP"
	case 2:
		c.From, c.To = netpolicy.Endpoint{Address: p.address()}, netpolicy.Endpoint{Address: p.address()}
	default:
		c.To = netpolicy.Endpoint{Namespace: p.prefix + "-missing"}
	}
}
