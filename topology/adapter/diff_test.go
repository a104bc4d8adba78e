package adapter_test

import (
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// thing has a field of every kind that Diff tells apart.
type thing struct {
	Name     string                       `json:"name"`
	Count    int32                        `json:"count,omitempty"`
	On       bool                         `json:"on"`
	Amount   resource.Quantity            `json:"amount"`
	Optional *resource.Quantity           `json:"optional,omitempty"`
	Flag     *bool                        `json:"flag,omitempty"`
	Text     *string                      `json:"text,omitempty"`
	Nested   part                         `json:"nested"`
	Pointed  *part                        `json:"pointed,omitempty"`
	Words    []string                     `json:"words,omitempty"`
	Parts    []part                       `json:"parts,omitempty"`
	Pointers []*part                      `json:"pointers,omitempty"`
	Keyed    []keyed                      `json:"keyed,omitempty"`
	Labels   map[string]string            `json:"labels,omitempty"`
	Amounts  map[string]resource.Quantity `json:"amounts,omitempty"`
	ByName   map[string]part              `json:"byName,omitempty"`
	ByNumber map[int]string               `json:"byNumber,omitempty"`
	Lists    map[string][]string          `json:"lists,omitempty"`
	ByAny    map[any]string               `json:"byAny,omitempty"`
	Range    netip.Prefix                 `json:"range"`
	Ranges   []netip.Prefix               `json:"ranges,omitempty"`
	Prefix   *netip.Prefix                `json:"prefix,omitempty"`
	Any      any                          `json:"any,omitempty"`
	At       time.Time                    `json:"at"`
	Until    *metav1.Time                 `json:"until,omitempty"`
	Grid     [][]resource.Quantity        `json:"grid,omitempty"`
	Big      big.Int                      `json:"big"`
	Blurred  blurred                      `json:"blurred"`
	Peers    []blurred                    `json:"peers,omitempty" diff:"none=everybody"`
	Untagged string
	Ignored  string `json:"-"`
	hidden   string
	Base
}

type Base struct {
	Common string `json:"common,omitempty"`
}

type part struct {
	Inner string   `json:"inner,omitempty"`
	List  []string `json:"list,omitempty"`
}

type keyed struct {
	Key   string `json:"key" diff:"key"`
	Value string `json:"value,omitempty"`
	Parts []part `json:"parts,omitempty"`
}

// blurred prints every value alike.
type blurred struct{ Value int }

func (blurred) String() string               { return "everybody" }
func (blurred) MarshalJSON() ([]byte, error) { return []byte(`"everybody"`), nil }

// silent prints nothing.
type silent struct{ Value int }

func (silent) String() string { return "" }

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

func TestDiffListsTheFieldsThatDiffer(t *testing.T) {
	prefix := netip.MustParsePrefix
	tests := []struct {
		name     string
		from, to thing
		want     []string // as FieldChange prints
	}{
		{"nothing", thing{}, thing{}, nil},
		{"string", thing{Name: "a"}, thing{Name: "b"}, []string{`name: a -> b`}},
		{"string with quotes", thing{Name: `"a"`}, thing{Name: `"a" <b>`}, []string{`name: "a" -> "a" <b>`}},
		{"string of two lines", thing{Name: "a\nb"}, thing{Name: "\x1b[2J"}, []string{`name: "a\nb" -> "\x1b[2J"`}},
		{"string set", thing{}, thing{Name: "b"}, []string{`name: (none) -> b`}},
		{"string unset", thing{Name: "a"}, thing{}, []string{`name: a -> (none)`}},
		{"number", thing{Count: 1}, thing{Count: 2}, []string{`count: 1 -> 2`}},
		{"bool", thing{}, thing{On: true}, []string{`on: false -> true`}},
		{"no json tag", thing{Untagged: "a"}, thing{Untagged: "b"}, []string{`Untagged: a -> b`}},
		{"not in JSON", thing{Ignored: "a", hidden: "a"}, thing{Ignored: "b", hidden: "b"}, nil},
		{"embedded", thing{Base: Base{Common: "a"}}, thing{Base: Base{Common: "b"}}, []string{`common: a -> b`}},

		{"quantity, other notation", thing{Amount: quantity("1")}, thing{Amount: quantity("1000m")}, nil},
		{"quantity, other unit", thing{Amount: quantity("1Gi")}, thing{Amount: quantity("1024Mi")}, nil},
		{"quantity", thing{Amount: quantity("1")}, thing{Amount: quantity("1001m")}, []string{`amount: 1 -> 1001m`}},
		{"quantity, less", thing{Amount: quantity("2")}, thing{Amount: quantity("1999m")}, []string{`amount: 2 -> 1999m`}},
		{"quantity, huge", thing{Amount: quantity("1e30")}, thing{Amount: quantity("2e30")}, []string{`amount: 1e30 -> 2e30`}},
		{"quantity pointer, same", thing{Optional: new(quantity("0"))}, thing{Optional: new(quantity("0"))}, nil},
		{"zero quantity is not none", thing{}, thing{Optional: new(quantity("0"))}, []string{`optional: (none) -> 0`}},
		{"quantity gone", thing{Optional: new(quantity("2"))}, thing{}, []string{`optional: 2 -> (none)`}},

		{"false is not none", thing{}, thing{Flag: new(false)}, []string{`flag: (none) -> false`}},
		{"pointer to bool", thing{Flag: new(true)}, thing{Flag: new(false)}, []string{`flag: true -> false`}},
		{"empty string is not none", thing{Text: new("")}, thing{}, []string{`text: "" -> (none)`}},

		{"nested", thing{Nested: part{Inner: "a"}}, thing{Nested: part{Inner: "b"}}, []string{`nested.inner: a -> b`}},
		{"pointer to struct", thing{Pointed: &part{Inner: "a"}}, thing{Pointed: &part{Inner: "b"}}, []string{`pointed.inner: a -> b`}},
		{"pointer to struct, same", thing{Pointed: &part{Inner: "a"}}, thing{Pointed: &part{Inner: "a"}}, nil},
		{"pointer to struct, new", thing{}, thing{Pointed: &part{Inner: "b"}}, []string{`pointed: (none) -> {"inner":"b"}`}},

		{"scalars, nil and empty", thing{Words: nil}, thing{Words: []string{}}, nil},
		{"scalars, order", thing{Words: []string{"a", "b"}}, thing{Words: []string{"b", "a"}}, []string{`words: ["a","b"] -> ["b","a"]`}},
		{"scalars, one empty string is something", thing{}, thing{Words: []string{""}}, []string{`words: (none) -> [""]`}},

		{"list, nil and empty", thing{Parts: []part{}}, thing{Parts: nil}, nil},
		{"list by position", thing{Parts: []part{{Inner: "a"}, {Inner: "b"}}}, thing{Parts: []part{{Inner: "a"}, {Inner: "c"}}},
			[]string{`parts[1].inner: b -> c`}},
		{"list, longer", thing{Parts: []part{{Inner: "a"}}}, thing{Parts: []part{{Inner: "a"}, {}}}, []string{`parts[1]: (none) -> {}`}},
		{"list, shorter", thing{Parts: []part{{}, {Inner: "b"}}}, thing{Parts: []part{{}}}, []string{`parts[1]: {"inner":"b"} -> (none)`}},
		{"list of pointers", thing{Pointers: []*part{{Inner: "a"}, nil}}, thing{Pointers: []*part{{Inner: "b"}, {}}},
			[]string{`pointers[0].inner: a -> b`, `pointers[1]: (none) -> {}`}},

		{"keyed list, order", thing{Keyed: []keyed{{Key: "a"}, {Key: "b"}}}, thing{Keyed: []keyed{{Key: "b"}, {Key: "a"}}}, nil},
		{"keyed list, element", thing{Keyed: []keyed{{Key: "a"}, {Key: "b", Value: "1"}}}, thing{Keyed: []keyed{{Key: "b", Value: "2"}, {Key: "a"}}},
			[]string{`keyed[b].value: 1 -> 2`}},
		{"keyed list, one gone and one new", thing{Keyed: []keyed{{Key: "a"}}}, thing{Keyed: []keyed{{Key: "b"}}},
			[]string{`keyed[a]: {"key":"a"} -> (none)`, `keyed[b]: (none) -> {"key":"b"}`}},
		{"keyed list, same key twice", thing{Keyed: []keyed{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}}, thing{Keyed: []keyed{{Key: "a", Value: "2"}}},
			[]string{`keyed[a].value: 1 -> 2`, `keyed[a#2]: {"key":"a","value":"2"} -> (none)`}},
		{"keyed list, same key thrice", thing{Keyed: []keyed{{Key: "b"}, {Key: "a"}, {Key: "a"}, {Key: "a", Value: "1"}}},
			thing{Keyed: []keyed{{Key: "a"}, {Key: "a"}, {Key: "a", Value: "2"}, {Key: "b"}}}, []string{`keyed[a#3].value: 1 -> 2`}},

		{"map, nil and empty", thing{Labels: map[string]string{}}, thing{}, nil},
		{"map", thing{Labels: map[string]string{"a": "1", "b": "2", "c": "3"}}, thing{Labels: map[string]string{"b": "2", "c": "4", "d": "5"}},
			[]string{`labels[a]: 1 -> (none)`, `labels[c]: 3 -> 4`, `labels[d]: (none) -> 5`}},
		{"map, empty value added", thing{}, thing{Labels: map[string]string{"a": ""}}, []string{`labels[a]: (none) -> ""`}},
		{"map, empty value removed", thing{Labels: map[string]string{"a": ""}}, thing{}, []string{`labels[a]: "" -> (none)`}},
		{"map of quantities", thing{Amounts: map[string]resource.Quantity{"cpu": quantity("1"), "memory": quantity("1Gi")}},
			thing{Amounts: map[string]resource.Quantity{"cpu": quantity("1000m"), "memory": quantity("2Gi"), "zero": {}}},
			[]string{`amounts[memory]: 1Gi -> 2Gi`, `amounts[zero]: (none) -> 0`}},
		{"map of structs", thing{ByName: map[string]part{"a": {Inner: "1"}}}, thing{ByName: map[string]part{"a": {Inner: "2"}, "b": {}}},
			[]string{`byName[a].inner: 1 -> 2`, `byName[b]: (none) -> {}`}},
		{"map of empty lists", thing{}, thing{Lists: map[string][]string{"a": {}}}, nil},
		{"map by number", thing{ByNumber: map[int]string{1: "a"}}, thing{ByNumber: map[int]string{1: "b"}}, []string{`byNumber[1]: a -> b`}},

		{"what prints itself", thing{Range: prefix("10.0.0.0/8")}, thing{Range: prefix("10.0.0.0/9")}, []string{`range: 10.0.0.0/8 -> 10.0.0.0/9`}},
		{"list of what prints itself", thing{Ranges: []netip.Prefix{prefix("10.0.0.0/8")}}, thing{Ranges: []netip.Prefix{prefix("::/0")}},
			[]string{`ranges: ["10.0.0.0/8"] -> ["::/0"]`}},
		{"interface", thing{Any: 1}, thing{Any: "x"}, []string{`any: 1 -> x`}},
		{"what has no JSON", thing{Any: 1i}, thing{Any: 2i}, []string{`any: (0+1i) -> (0+2i)`}},
		{"interface, none", thing{}, thing{Any: "x"}, []string{`any: (none) -> x`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var have []string
			for _, f := range adapter.Diff(tt.from, tt.to) {
				have = append(have, f.String())
			}
			require.Equal(t, tt.want, have)
		})
	}
}

func TestDiffTakesPointersAndMaps(t *testing.T) {
	require.Empty(t, adapter.Diff[*thing](nil, nil))
	require.Equal(t, []topology.FieldChange{{Path: "name", From: "a", To: "b"}}, adapter.Diff(&thing{Name: "a"}, &thing{Name: "b"}))
	require.Equal(t, []topology.FieldChange{{Path: "[x]", To: "1"}}, adapter.Diff(nil, map[string]string{"x": "1"}))
}

// Fields come in the order of the struct, keys sorted, and the elements of lists as they stand in
// from and then in to.
func TestDiffOrderIsStable(t *testing.T) {
	from := thing{Name: "a", Labels: map[string]string{}, Keyed: []keyed{{Key: "z"}, {Key: "y"}}}
	to := thing{Name: "b", Labels: map[string]string{}, Keyed: []keyed{{Key: "x"}}}
	for _, k := range []string{"m", "c", "q", "a", "z", "b"} {
		from.Labels[k], to.Labels[k] = "1", "2"
	}
	want := []string{"name", "keyed[z]", "keyed[y]", "keyed[x]", "labels[a]", "labels[b]", "labels[c]", "labels[m]", "labels[q]", "labels[z]"}
	for range 50 {
		var have []string
		for _, f := range adapter.Diff(from, to) {
			have = append(have, f.Path)
		}
		require.Equal(t, want, have)
	}
}

// Two values that print alike are still two values.
func TestDiffDecidesByValuesAndNotByTexts(t *testing.T) {
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	there := time.FixedZone("there", 3600)
	labels := func(value string) thing { return thing{Labels: map[string]string{"a": value}} }
	grid := func(amounts ...resource.Quantity) thing { return thing{Grid: [][]resource.Quantity{amounts}} }
	tests := []struct {
		name     string
		from, to thing
		want     []string // as FieldChange prints
	}{
		{
			"a line break, and the text that shows one", thing{Name: "x\ny"}, thing{Name: `"x\ny"`},
			[]string{`name: "x\ny" -> "\"x\\ny\""`},
		},
		{
			"the same in a map", labels(`"x\ny"`), labels("x\ny"),
			[]string{`labels[a]: "\"x\\ny\"" -> "x\ny"`},
		},
		{
			"an escape sequence in a list", thing{Words: []string{"\u009b2J"}}, thing{},
			[]string{`words: "[\"\u009b2J\"]" -> (none)`},
		},
		{
			"texts that are not UTF-8", thing{Words: []string{"\xff"}}, thing{Words: []string{"\xfe"}},
			[]string{`words: []string(["\ufffd"]) -> []string(["\ufffd"]) (another value)`},
		},
		{"a number and its text", thing{Any: 1}, thing{Any: "1"}, []string{`any: int(1) -> "1"`}},
		{"two types of numbers", thing{Any: 1}, thing{Any: int64(1)}, []string{`any: int(1) -> int64(1)`}},
		{"an empty list of any type is none", thing{Any: []string{}}, thing{Any: map[string]int{}}, nil},
		{"an empty text is not an empty list", thing{Any: ""}, thing{Any: []string{}}, []string{`any: "" -> (none)`}},
		{"a pointer is its value", thing{Any: new("a")}, thing{Any: "a"}, nil},
		{
			"a value that prints nothing", thing{Any: silent{}}, thing{},
			[]string{`any: adapter_test.silent() -> (none)`},
		},
		{
			"values that print alike in every way", thing{}, thing{Blurred: blurred{1}},
			[]string{"blurred: adapter_test.blurred(everybody) -> adapter_test.blurred(everybody) (another value)"},
		},
		{
			"an element that prints as the empty list does", thing{}, thing{Peers: []blurred{{1}}},
			[]string{`peers: everybody -> "everybody"`},
		},

		{"a time, other zone", thing{At: noon}, thing{At: noon.In(there)}, nil},
		{
			"a time", thing{At: noon}, thing{At: noon.Add(time.Second)},
			[]string{"at: 2026-11-28 12:00:00 +0000 UTC -> 2026-11-28 12:00:01 +0000 UTC"},
		},
		{
			"a time of Kubernetes, other zone",
			thing{Until: new(metav1.NewTime(noon))}, thing{Until: new(metav1.NewTime(noon.In(there)))}, nil,
		},
		{
			"a time of Kubernetes, a nanosecond later",
			thing{Until: new(metav1.NewTime(noon))}, thing{Until: new(metav1.NewTime(noon.Add(1)))},
			[]string{"until: 2026-11-28 12:00:00 +0000 UTC -> 2026-11-28 12:00:00.000000001 +0000 UTC"},
		},
		{"a list of amounts, other notation", grid(quantity("1")), grid(quantity("1000m")), nil},
		{"a list of amounts, empty and nil", grid(), grid([]resource.Quantity{}...), nil},
		{"a list of amounts", grid(quantity("1")), grid(quantity("2")), []string{`grid: [["1"]] -> [["2"]]`}},
		{"what only a pointer marshals", thing{Big: *big.NewInt(1)}, thing{Big: *big.NewInt(2)}, []string{`big: 1 -> 2`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var have []string
			for _, f := range adapter.Diff(tt.from, tt.to) {
				require.NotEqual(t, f.From, f.To)
				have = append(have, f.String())
			}
			require.Equal(t, tt.want, have)
		})
	}
}

// Keys that print alike are still two keys.
func TestDiffPairsByKeysAndNotByTexts(t *testing.T) {
	tests := []struct {
		name     string
		from, to thing
		want     []string // as FieldChange prints
	}{
		{
			"keys of two types", thing{ByAny: map[any]string{1: "a", "1": "a", int64(1): "a"}},
			thing{ByAny: map[any]string{1: "b", "1": "c", int64(1): "d"}},
			[]string{`byAny["1"]: a -> c`, `byAny[int(1)]: a -> b`, `byAny[int64(1)]: a -> d`},
		},
		{
			"a line break, and the text that shows one", thing{Labels: map[string]string{"x\ny": "a"}},
			thing{Labels: map[string]string{`"x\ny"`: "a"}},
			[]string{`labels["\"x\\ny\""]: (none) -> a`, `labels["x\ny"]: a -> (none)`},
		},
		{
			"an element whose key looks like the second of another", thing{Keyed: []keyed{{Key: "a"}, {Key: "a", Value: "1"}}},
			thing{Keyed: []keyed{{Key: "a"}, {Key: "a#2", Value: "1"}}},
			[]string{`keyed[a#2]: {"key":"a","value":"1"} -> (none)`, `keyed["a#2"]: (none) -> {"key":"a#2","value":"1"}`},
		},
		{
			"both of them, in another order",
			thing{Keyed: []keyed{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}, {Key: "a#2", Value: "3"}}},
			thing{Keyed: []keyed{{Key: "a#2", Value: "3"}, {Key: "a", Value: "1"}, {Key: "a", Value: "2"}}}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var have []string
			for _, f := range adapter.Diff(tt.from, tt.to) {
				have = append(have, f.String())
			}
			require.Equal(t, tt.want, have)
		})
	}
}
