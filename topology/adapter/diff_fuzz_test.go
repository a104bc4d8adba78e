package adapter_test

import (
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

// equality is the definition of equal values, independent of Diff: go-cmp finds the method Equal of
// quantities and times by itself.
var equality = cmp.Options{
	cmpopts.IgnoreFields(thing{}, "Ignored"),
	cmpopts.IgnoreUnexported(thing{}),
	cmp.FilterPath(func(p cmp.Path) bool {
		transformed := []reflect.Type{
			reflect.TypeFor[[]keyed](), reflect.TypeFor[[]*part](), reflect.TypeFor[map[string][]string](),
		}
		return !slices.Contains(transformed, p.Last().Type())
	}, cmpopts.EquateEmpty()),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b big.Int) bool { return a.Cmp(&b) == 0 }),
	cmp.Transformer("byKey", func(list []keyed) map[string][]keyedParts {
		byKey := map[string][]keyedParts{}
		for _, k := range list {
			byKey[k.Key] = append(byKey[k.Key], keyedParts(k))
		}
		return byKey
	}),
	cmp.Transformer("withoutNil", func(list []*part) map[int]*part {
		byPosition := map[int]*part{}
		for i, p := range list {
			if p != nil {
				byPosition[i] = p
			}
		}
		return byPosition
	}),
	cmp.Transformer("withoutEmpty", func(lists map[string][]string) []keyedWords {
		var full []keyedWords
		for key, words := range lists {
			if len(words) > 0 {
				full = append(full, keyedWords{key, words})
			}
		}
		slices.SortFunc(full, func(a, b keyedWords) int { return strings.Compare(a.Key, b.Key) })
		return full
	}),
}

// keyedParts is a keyed whose list go-cmp does not transform again.
type keyedParts keyed

type keyedWords struct {
	Key   string
	Words []string
}

// FuzzDiff checks that Diff returns nothing if, and only if, the values are equal, and that the
// texts of a change always differ.
func FuzzDiff(f *testing.F) {
	for seed := range uint64(150) {
		f.Add(seed, "x\ny", `"x\ny"`, "a#2")
		f.Add(seed, "1", "", "\xff")
	}
	f.Fuzz(func(t *testing.T, seed uint64, one, two, three string) {
		g := thingMaker{rand.New(rand.NewPCG(seed, 0)), []string{"a", one, two, three}}
		from := g.thing()
		for _, to := range []thing{from, g.respelled(from), g.changed(from), g.changed(g.changed(from)), g.thing()} {
			for _, pair := range [][2]thing{{from, to}, {to, from}} {
				fields := adapter.Diff(pair[0], pair[1])
				difference := cmp.Diff(pair[0], pair[1], equality)
				require.Equal(t, difference == "", len(fields) == 0, "%v\n%s", fields, difference)
				for _, field := range fields {
					require.NotEqual(t, field.From, field.To, field.Path)
				}
			}
		}
	})
}

// thingMaker makes things of a few words, so that equal ones are not rare.
type thingMaker struct {
	*rand.Rand
	words []string
}

func pick[V any](g thingMaker, values ...V) V { return values[g.IntN(len(values))] }

func some[V any](g thingMaker, build func() V) []V {
	list := make([]V, 0, 3) // empty and not nil, or nil
	for range g.IntN(4) {
		list = append(list, build())
	}
	return pick(g, list, list, nil)
}

func someByKey[V any](g thingMaker, build func() V) map[string]V {
	values := map[string]V{}
	for range g.IntN(4) {
		values[g.word()] = build()
	}
	return pick(g, values, values, nil)
}

func maybe[V any](g thingMaker, build func() V) *V { return pick(g, nil, new(build())) }

func (g thingMaker) word() string { return pick(g, g.words...) }

func (g thingMaker) quantity() resource.Quantity {
	return quantity(pick(g, "0", "1", "1000m", "1Gi", "1024Mi", "1e30"))
}

func (g thingMaker) time() time.Time {
	at := time.Unix(int64(g.IntN(2)), int64(g.IntN(2)))
	return at.In(pick(g, time.UTC, time.FixedZone("there", 3600)))
}

func (g thingMaker) prefix() netip.Prefix {
	return pick(g, netip.Prefix{}, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/9"))
}

func (g thingMaker) part() part { return part{pick(g, "", g.word()), some(g, g.word)} }

func (g thingMaker) keyed() keyed {
	return keyed{pick(g, g.words[2:]...), pick(g, "", g.word()), some(g, g.part)}
}

func (g thingMaker) blurred() blurred { return blurred{g.IntN(2)} }

func (g thingMaker) any() any {
	return pick[any](g, nil, 1, int64(1), "1", g.word(), 1i, true, g.part(), []string{g.word()}, g.blurred())
}

func (g thingMaker) thing() thing {
	return thing{
		Name: g.word(), Count: int32(g.IntN(2)), On: pick(g, true, false), Amount: g.quantity(),
		Optional: maybe(g, g.quantity), Flag: maybe(g, func() bool { return pick(g, true, false) }),
		Text: maybe(g, g.word), Nested: g.part(), Pointed: maybe(g, g.part), Words: some(g, g.word),
		Parts: some(g, g.part), Pointers: some(g, func() *part { return maybe(g, g.part) }),
		Keyed: some(g, g.keyed), Labels: someByKey(g, g.word), Amounts: someByKey(g, g.quantity),
		ByName: someByKey(g, g.part), ByNumber: pick(g, nil, map[int]string{g.IntN(2): g.word()}),
		Lists: someByKey(g, func() []string { return some(g, g.word) }),
		ByAny: pick(g, nil, map[any]string{pick[any](g, 1, int64(1), "1", g.word()): g.word()}),
		Range: g.prefix(), Ranges: some(g, g.prefix), Prefix: maybe(g, g.prefix), Any: g.any(), At: g.time(),
		Until: maybe(g, func() metav1.Time { return metav1.NewTime(g.time()) }),
		Grid:  some(g, func() []resource.Quantity { return some(g, g.quantity) }),
		Big:   *big.NewInt(int64(g.IntN(2))), Blurred: g.blurred(), Peers: some(g, g.blurred),
		Untagged: g.word(), Ignored: g.word(), hidden: g.word(), Base: Base{g.word()},
	}
}

// respelled returns an equal value that is written in another way.
func (g thingMaker) respelled(from thing) thing {
	to := from
	to.Ignored, to.hidden = g.word(), g.word()
	to.At = from.At.In(time.FixedZone("elsewhere", -7200))
	to.Amount = quantity(from.Amount.AsDec().String())
	to.Keyed = slices.Clone(from.Keyed)
	slices.SortStableFunc(to.Keyed, func(a, b keyed) int { return strings.Compare(a.Key, b.Key) })
	if len(from.Words) == 0 {
		to.Words = pick(g, nil, []string{})
	}
	to.Grid = nil
	for _, row := range from.Grid {
		var respelled []resource.Quantity
		for _, amount := range row {
			respelled = append(respelled, quantity(amount.AsDec().String()))
		}
		to.Grid = append(to.Grid, respelled)
	}
	return to
}

// changed returns a copy in which up to one field has another value, often one that is nearly the
// same.
func (g thingMaker) changed(from thing) thing {
	other := g.thing()
	changes := []func(*thing){
		func(to *thing) { to.Name = other.Name }, func(to *thing) { to.Amount = other.Amount },
		func(to *thing) { to.Optional = other.Optional }, func(to *thing) { to.Flag = other.Flag },
		func(to *thing) { to.Text = other.Text }, func(to *thing) { to.Nested = other.Nested },
		func(to *thing) { to.Pointed = other.Pointed }, func(to *thing) { to.Words = other.Words },
		func(to *thing) { to.Parts = other.Parts }, func(to *thing) { to.Pointers = other.Pointers },
		func(to *thing) { to.Pointers = append(slices.Clone(to.Pointers), nil) },
		func(to *thing) { to.Keyed = other.Keyed }, func(to *thing) { slices.Reverse(to.Keyed) },
		func(to *thing) {
			if len(to.Keyed) > 0 {
				to.Keyed[0].Value = g.word()
			}
		},
		func(to *thing) { to.Labels = other.Labels }, func(to *thing) { to.Amounts = other.Amounts },
		func(to *thing) { to.ByName = other.ByName }, func(to *thing) { to.ByNumber = other.ByNumber },
		func(to *thing) { to.ByAny = other.ByAny }, func(to *thing) { to.Lists = other.Lists },
		func(to *thing) { to.Range = other.Range }, func(to *thing) { to.Ranges = other.Ranges },
		func(to *thing) { to.Prefix = other.Prefix }, func(to *thing) { to.Any = other.Any },
		func(to *thing) { to.At = other.At }, func(to *thing) { to.Until = other.Until },
		func(to *thing) { to.Grid = other.Grid }, func(to *thing) { to.Big = other.Big },
		func(to *thing) { to.Blurred = other.Blurred }, func(to *thing) { to.Peers = other.Peers },
		func(to *thing) { to.Base = other.Base }, func(to *thing) { to.Untagged = other.Untagged },
	}
	to := from
	to.Keyed = slices.Clone(from.Keyed)
	pick(g, changes...)(&to)
	return to
}
