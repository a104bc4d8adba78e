package k8s

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// probe is a policy that refuses what nobody wants, to tell whether the API server has learnt of the others: it is written after them, and an
// API server sees what is written to policies in its order, and so to bindings.
const (
	probe      topology.Guardrail = "probe"
	labelProbe                    = topology.Prefix + "guardrails-probe"
)

// digest is another whenever one of the objects has changed that the probe vouches for.
func (i installed) digest() string {
	var lines []string
	for _, rule := range i.rules() {
		if p := i.policies[rule]; p != nil && rule != probe {
			lines = append(lines, fmt.Sprint("policy ", rule, p.UID, p.Generation))
		}
		if b := i.bindings[rule]; b != nil && rule != probe {
			lines = append(lines, fmt.Sprint("binding ", rule, b.UID, b.Generation))
		}
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strings.Join(lines, "\n"))) // never fails
	return strconv.FormatUint(hash.Sum64(), 36)
}

// renderProbe makes a probe of which both parts know the digest: the policy by its message, the binding by what it selects.
func renderProbe(digest string) (*policy, *binding) {
	p, b := renderGuardrail(probe)
	p.Spec.Validations[0].Message = inForce(digest)
	b.Spec.MatchResources = &admissionv1.MatchResources{
		MatchPolicy: new(admissionv1.Equivalent), NamespaceSelector: &metav1.LabelSelector{},
		ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelProbe: digest}},
	}
	return p, b
}

func inForce(digest string) string { return "the guardrails are in force: " + digest }

// keepProbe makes the probe say which objects it was written after.
func (t *Topology) keepProbe(ctx context.Context, c adapter.Call, have installed) error {
	if t.dry {
		return nil
	}
	p, b := renderProbe(have.digest())
	if _, err := t.bindingKeeper(c, b).ensure(ctx, t, startOf(have.bindings[probe])); err != nil {
		return err
	}
	_, err := t.policyKeeper(c, p).ensure(ctx, t, startOf(have.policies[probe]))
	return err
}

// othersWait is how long to wait where a policy of somebody else refuses the question, so that nothing is to be learnt from the answer. API servers
// look for changes of policies every second.
const othersWait = 5 * time.Second

// AwaitGuardrails implements topology.Guardrails. It asks one API server; others of the same cluster learn of the policies at about the same time.
func (t *Topology) AwaitGuardrails(ctx context.Context) error {
	c := adapter.Await(topology.KindGuardrails, t.name)
	if t.dry {
		return nil
	}
	began := time.Now()
	err := t.poll(ctx, c, "be in force", nil, func(ctx context.Context) (bool, error) {
		have, err := t.installed(ctx, c)
		if err != nil {
			return false, err
		}
		if len(have.set().Rules) == 0 {
			return false, c.Fail(topology.ErrNotFound, "there are no guardrails to wait for; ensure them first")
		}
		digest := have.digest()
		err = t.clients.namespaces().DryCreate(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			GenerateName: "polyphony-probe-", Labels: map[string]string{labelProbe: digest},
		}})
		switch {
		case apierrors.IsForbidden(err) && strings.Contains(err.Error(), guardrailPrefix+string(probe)):
			return strings.Contains(err.Error(), inForce(digest)), nil // or it still knows the one before
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err): // somebody else's rule answers first, and always will
			return time.Since(began) > othersWait, nil
		}
		return false, err
	})
	if err != nil && ctx.Err() != nil {
		return c.Wrap(topology.ErrTimeout, "the API server does not apply them yet; if somebody has changed them since, ensure them again", ctx.Err())
	}
	return err
}
