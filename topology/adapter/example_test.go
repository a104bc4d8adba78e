package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

func quota(cpu string) topology.Quota {
	return topology.Quota{Namespace: "acme", Hard: map[string]resource.Quantity{
		"requests.cpu": resource.MustParse(cpu), "pods": resource.MustParse("5"),
	}}
}

// A method of an adapter makes its changes and its errors with one Call.
func ExampleCall() {
	call := adapter.Ensure(topology.KindQuota, "acme")
	have, want := quota("1"), quota("2")
	fmt.Println(call.Created(want))
	fmt.Println(call.Updated(have, want, adapter.Diff(have, want)))
	fmt.Println(call.Updated(have, quota("1000m"), adapter.Diff(have, quota("1000m"))))

	err := call.Fail(topology.ErrConflict, "an object that polyphony does not manage has its name; rename that object")
	fmt.Println(err)
	fmt.Println(errors.Is(err, topology.ErrConflict))
	// Output:
	// + Quota acme created
	// ~ Quota acme updated
	//     hard[requests.cpu]: 1 -> 2
	// = Quota acme unchanged
	// ensure Quota "acme": an object that polyphony does not manage has its name; rename that object
	// true
}

// An error of the infrastructure stays in the chain, behind the sentinel that callers match.
func ExampleCall_Wrap() {
	refused := errors.New("connection refused")
	err := adapter.Read(topology.KindQuota, "acme").Wrap(topology.ErrUnavailable, "the server is away", refused)
	fmt.Println(err)
	fmt.Println(errors.Is(err, topology.ErrUnavailable), errors.Is(err, refused))
	// Output:
	// read Quota "acme": the server is away: connection refused
	// true true
}

// A call whose context has ended has no sentinel. Callers match the error of the context.
func ExampleCall_Stopped() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := adapter.Delete(topology.KindQuota, "acme").Stopped(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// delete Quota "acme": stopped: context canceled
	// true
}

// Amounts that are equal do not differ, however they are written.
func ExampleDiff() {
	fmt.Println(adapter.Diff(quota("1"), quota("1500m")))
	fmt.Println(adapter.Diff(quota("1"), quota("1000m")))
	// Output:
	// [hard[requests.cpu]: 1 -> 1500m]
	// []
}

// Each domain above a tenant's own is marked too, so that one look at the labels finds every tenant
// that a new domain would overlap.
func ExampleDomainLabels() {
	labels := adapter.DomainLabels([]string{"shop.example.com"})
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		fmt.Println(key, labels[key])
	}
	// Output:
	// domain.tenancy.polyphony.dev/example.com above
	// domain.tenancy.polyphony.dev/shop.example.com held
}
