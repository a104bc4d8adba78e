package tenant

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/topology"
)

// minimal returns the tightest tenant.
func minimal() TenantScore { return TenantScore{TenantConfig: TenantConfig{Name: "acme"}} }

func amount(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// edge is a change of the minimal tenant, with the paths of its field errors. None: it is valid.
type edge struct {
	name   string
	change func(*TenantScore)
	paths  []string
}

func testEdges(t *testing.T, edges []edge) {
	t.Helper()
	for _, e := range edges {
		t.Run(e.name, func(t *testing.T) {
			s := minimal()
			e.change(&s)
			var paths []string
			for _, err := range ValidateTenantScore(s, nil) {
				paths = append(paths, err.Field)
			}
			require.Equal(t, e.paths, paths, "%v", s.Validate())
		})
	}
}

func readScore(t *testing.T, path string) TenantScore {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var s TenantScore
	require.NoError(t, yaml.UnmarshalStrict(data, &s))
	return s
}

func TestZeroScoreNeedsOnlyAName(t *testing.T) {
	require.NoError(t, minimal().Validate())
	require.Equal(t, "tenant/acme", minimal().Name())
	require.Equal(t, "tenant/", TenantScore{}.Name())
	require.EqualError(t, TenantScore{}.Validate(),
		`tenantConfig.name: Required value: a DNS-1123 label such as "acme"`)
}

func TestValidateReportsEveryMistakeAtOnce(t *testing.T) {
	s := readScore(t, "testdata/mistakes.yaml")
	report := func() string {
		var lines []string
		for _, err := range ValidateTenantScore(s, nil) {
			lines = append(lines, err.Error()+"\n")
		}
		return strings.Join(lines, "")
	}
	have := report()
	golden(t, "testdata/mistakes.golden.txt", have)
	for range 100 {
		require.Equal(t, have, report(), "the order is not stable")
	}
}

// The path of every error leads to a field by its JSON name.
func TestValidatePathsLeadToFields(t *testing.T) {
	for _, err := range ValidateTenantScore(readScore(t, "testdata/mistakes.yaml"), nil) {
		require.True(t, leadsSomewhere(reflect.TypeFor[TenantScore](), err.Field), err.Field)
	}
	require.False(t, leadsSomewhere(reflect.TypeFor[TenantScore](), "tenantConfig.title"))
}

func TestValidateTenantScorePrefixesPaths(t *testing.T) {
	errs := ValidateTenantScore(TenantScore{}, field.NewPath("spec").Child("tenants").Index(2))
	require.Len(t, errs, 1)
	require.Equal(t, "spec.tenants[2].tenantConfig.name", errs[0].Field)

	s := readScore(t, "testdata/mistakes.yaml")
	at := ValidateTenantScore(s, field.NewPath("spec"))
	for i, err := range ValidateTenantScore(s, nil) {
		require.Equal(t, "spec."+err.Field, at[i].Field)
	}
}

// leadsSomewhere reports whether a path of JSON names leads to a field of a type.
func leadsSomewhere(t reflect.Type, path string) bool {
	for path != "" {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if key := regexp.MustCompile(`^\[[^]]*\]\.?`).FindString(path); key != "" {
			if t.Kind() != reflect.Slice && t.Kind() != reflect.Map {
				return false
			}
			t, path = t.Elem(), path[len(key):]
			continue
		}
		name := regexp.MustCompile(`^\w+`).FindString(path)
		path = strings.TrimPrefix(path[len(name):], ".")
		if t.Kind() != reflect.Struct {
			return false
		}
		f, ok := t.FieldByNameFunc(func(n string) bool {
			f, _ := t.FieldByName(n)
			return jsonName(f) == name
		})
		if !ok {
			return false
		}
		t = f.Type
	}
	return true
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// testdata/full.yaml equals the Go literal, and sets every field.
func TestFullScoreIsTheSameInGoYAMLAndJSON(t *testing.T) {
	s := full()
	require.NoError(t, s.Validate())
	require.Equal(t, s, readScore(t, "testdata/full.yaml"))

	data, err := json.Marshal(s)
	require.NoError(t, err)
	var fromJSON TenantScore
	require.NoError(t, json.Unmarshal(data, &fromJSON))
	require.Equal(t, s, fromJSON)

	data, err = yaml.Marshal(s)
	require.NoError(t, err)
	golden(t, "testdata/full.golden.yaml", string(data))
	require.Equal(t, s, readScore(t, "testdata/full.golden.yaml"))

	set := map[string]bool{}
	findSet(reflect.ValueOf(s), set)
	for name, isSet := range set {
		require.True(t, isSet, "full() does not set %s anywhere", name)
	}
	require.Contains(t, set, "StorageClassAccess.Claims")
}

// findSet records for every field of every type whether a value sets it.
func findSet(v reflect.Value, set map[string]bool) {
	switch {
	case v.Type() == reflect.TypeFor[resource.Quantity]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			set[name] = set[name] || !v.Field(i).IsZero()
			findSet(v.Field(i), set)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			findSet(v.Index(i), set)
		}
	}
}

func TestUnknownFieldNamesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"unknown":        "tenantConfig: {name: acme, title: x}",
		"unknown on top": "tenantConfig: {name: acme}\nquota: {}",
		"twice":          "tenantConfig: {name: acme, name: globex}",
		"unknown count":  "tenantConfig: {name: acme}\nresourceQuotas: {objects: {widgets: 1}}",
		"not an amount":  "tenantConfig: {name: acme}\nresourceQuotas: {requests: {cpu: lots}}",
		"empty amount":   "tenantConfig: {name: acme}\nresourceQuotas: {requests: {cpu: \"\"}}",
		"not a count":    "tenantConfig: {name: acme}\nresourceQuotas: {objects: {pods: 1.5}}",
		"not a port":     "tenantConfig: {name: acme}\nnetworkIsolation: {egress: [{tenant: a, ports: [{port: http}]}]}",
		"not a bool":     "tenantConfig: {name: acme, adopt: \"yes\"}",
	} {
		t.Run(name, func(t *testing.T) {
			var s TenantScore
			require.Error(t, yaml.UnmarshalStrict([]byte(text), &s))
		})
	}
}

// The smallest file has one field, and encoding omits unset fields.
func TestMinimalScoreAsYAMLHasOneField(t *testing.T) {
	data, err := yaml.Marshal(minimal())
	require.NoError(t, err)
	require.Equal(t, "tenantConfig:\n  name: acme\n", string(data))
}

// Zero is not unset: JSON keeps it, and it has another meaning.
func TestZeroAmountsAreNotUnset(t *testing.T) {
	for name, text := range map[string]string{"zero": `"0"`, "number": `0`, "unset": `null`} {
		t.Run(name, func(t *testing.T) {
			var s TenantScore
			require.NoError(t, json.Unmarshal([]byte(`{"tenantConfig":{"name":"acme"},"resourceQuotas":{
				"requests":{"cpu":`+text+`},"storage":`+text+`,"objects":{"pods":`+strings.Trim(text, `"`)+`}}}`), &s))
			data, err := json.Marshal(s)
			require.NoError(t, err)
			var back TenantScore
			require.NoError(t, json.Unmarshal(data, &back))
			require.Equal(t, s, back)

			isSet := name != "unset"
			require.Equal(t, isSet, back.ResourceQuotas.Requests.CPU != nil)
			require.Equal(t, isSet, back.ResourceQuotas.Storage != nil)
			require.Equal(t, isSet, back.ResourceQuotas.Objects.Pods != nil)
			hard := back.ResourceQuotas.hard(topology.Platform{}, back.StorageAccess)
			cpu, pods := hard["requests.cpu"], hard["pods"]
			require.Equal(t, isSet, cpu.IsZero())
			require.Equal(t, isSet, pods.IsZero())
		})
	}
}

func TestValidateChangesNothing(t *testing.T) {
	for _, s := range []TenantScore{full(), readScore(t, "testdata/mistakes.yaml")} {
		before, err := json.Marshal(s)
		require.NoError(t, err)
		_ = s.Validate()
		after, err := json.Marshal(s)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	}
}
