package interpret_test

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// quotas has the capabilities that the Interpret of the examples calls.
type quotas interface {
	topology.Topology
	topology.Namespaces
	topology.Quotas
}

// limitPods returns an Interpret that limits the number of pods in a namespace.
func limitPods(namespace, pods string) interpret.Interpret[quotas] {
	return interpret.Func[quotas](func(ctx context.Context, t quotas) (interpret.Outcome, error) {
		hard := map[string]resource.Quantity{"pods": resource.MustParse(pods)}
		return interpret.Run(ctx,
			interpret.Check("namespace", func(ctx context.Context) error {
				_, err := t.Namespace(ctx, namespace)
				return err
			}),
			interpret.Ensure("quota", func(ctx context.Context) (topology.Change, error) {
				return t.EnsureQuota(ctx, topology.Quota{Namespace: namespace, Hard: hard})
			}),
		)
	})
}

// An Interpret makes the same state true each time: the second run changes nothing.
func ExampleRun() {
	ctx, memory := context.Background(), fake.New(fake.Options{})
	if _, err := memory.EnsureNamespace(ctx, topology.Namespace{Name: "acme"}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		out, err := limitPods("acme", "10").Execute(ctx, memory)
		fmt.Println(out, err)
	}
	// Output:
	// + Quota acme created <nil>
	// = Quota acme unchanged <nil>
}

// A step that fails ends the run. The error names the step and wraps the cause.
func ExampleCheck() {
	_, err := limitPods("acme", "10").Execute(context.Background(), fake.New(fake.Options{}))
	fmt.Println(err)

	var at *interpret.StepError
	fmt.Println(errors.As(err, &at), errors.Is(err, topology.ErrNotFound))
	// Output:
	// step namespace: read Namespace "acme": not found
	// true true
}

// Notes are for people; a change that is more than unchanged makes the Outcome a changed one.
func ExampleOutcome() {
	out := interpret.Outcome{
		Changes: []topology.Change{{Kind: topology.KindQuota, Name: "acme", Action: topology.Created}},
		Notes:   []string{"pods that name no storage class get the platform's"},
	}
	fmt.Println(out)
	fmt.Println("changed:", out.Changed())
	// Output:
	// + Quota acme created
	// ! pods that name no storage class get the platform's
	// changed: true
}
