package tenant

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

func TestStorageAccessConfigValidate(t *testing.T) {
	storage := func(c StorageAccessConfig) func(*TenantScore) {
		return func(s *TenantScore) { s.StorageAccess = c }
	}
	classes := func(all ...StorageClassAccess) func(*TenantScore) {
		return storage(StorageAccessConfig{Classes: all})
	}
	class := func(name, capacity string) StorageClassAccess {
		return StorageClassAccess{Name: name, Capacity: *amount(capacity)}
	}
	withClaims := func(n int64) StorageClassAccess {
		return StorageClassAccess{Name: "fast", Capacity: *amount("1Gi"), Claims: &n}
	}
	at := func(names ...string) []string { return prefixed("storageAccess.", names) }
	testEdges(t, []edge{
		{"one class", classes(class("fast", "1")), nil},
		{"two classes", classes(class("fast", "1Gi"), class("bulk.example.com", "1e30")), nil},
		{"a class with a bound on claims", classes(withClaims(5)), nil},
		{"a class with zero claims", classes(withClaims(0)), nil},
		{"a class with the longest name", classes(class(domainOf(225), "1Gi")), nil},
		{"a class whose name is too long for the key of a quota",
			classes(class(domainOf(226), "1Gi")), at("classes[0].name")},
		{"a class without a name", classes(class("", "1Gi")), at("classes[0].name")},
		{"a class with an invalid name", classes(class("Fast", "1Gi")), at("classes[0].name")},
		{"the same class twice", classes(class("fast", "1Gi"), class("bulk", "1Gi"), class("fast", "2Gi")),
			at("classes[2].name")},
		{"capacity of zero", classes(class("fast", "0")), at("classes[0].capacity")},
		{"a class without a capacity", classes(StorageClassAccess{Name: "fast"}), at("classes[0].capacity")},
		{"negative capacity", classes(class("fast", "-1")), at("classes[0].capacity")},
		{"a negative bound on claims", classes(withClaims(-1)), at("classes[0].claims")},
		{"a default class that is allowed",
			storage(StorageAccessConfig{Classes: []StorageClassAccess{class("fast", "1Gi"), class("bulk", "1Gi")},
				DefaultClass: "bulk"}), nil},
		{"a default class that is not allowed",
			storage(StorageAccessConfig{Classes: []StorageClassAccess{class("fast", "1Gi")}, DefaultClass: "bulk"}),
			at("defaultClass")},
		{"default class without classes", storage(StorageAccessConfig{DefaultClass: "bulk"}), at("defaultClass")},
		{"equal bounds of claims",
			storage(StorageAccessConfig{ClaimMin: amount("1Gi"), ClaimMax: amount("1024Mi")}), nil},
		{"bounds of claims that are zero",
			storage(StorageAccessConfig{ClaimMin: amount("0"), ClaimMax: amount("0")}), nil},
		{"a negative minimum of claims", storage(StorageAccessConfig{ClaimMin: amount("-1")}), at("claimMin")},
		{"a negative maximum of claims", storage(StorageAccessConfig{ClaimMax: amount("-1")}), at("claimMax")},
		{"a maximum of claims below the minimum",
			storage(StorageAccessConfig{ClaimMin: amount("2"), ClaimMax: amount("1")}),
			at("claimMax")},
		{"a total beside the classes", func(s *TenantScore) {
			classes(class("fast", "1Gi"))(s)
			s.ResourceQuotas.Storage = amount("5Gi")
		}, nil},
	})
}

func TestQuotaBoundsStoragePerClass(t *testing.T) {
	const storage, claims = ".storageclass.storage.k8s.io/requests.storage",
		".storageclass.storage.k8s.io/persistentvolumeclaims"
	tests := []struct {
		name  string
		score func(*TenantScore)
		want  map[string]string
	}{
		{"without classes, every class is capped at zero", func(*TenantScore) {}, map[string]string{
			"requests.storage": "0", "persistentvolumeclaims": "0",
			"bulk" + storage: "0", "bulk" + claims: "0", "fast" + storage: "0", "fast" + claims: "0", "secret" +
				storage: "0", "secret" + claims: "0"}},
		{"one class bounds the total by its capacity", func(s *TenantScore) {
			s.StorageAccess.Classes = []StorageClassAccess{{Name: "fast", Capacity: *amount("10Gi")}}
		}, map[string]string{
			"requests.storage": "10Gi", "persistentvolumeclaims": "5", "fast" + storage: "10Gi",
			"bulk" + storage: "0", "bulk" + claims: "0", "secret" + storage: "0", "secret" + claims: "0"}},
		{"the total is the sum of the capacities", func(s *TenantScore) {
			s.StorageAccess.Classes = []StorageClassAccess{{Name: "fast", Capacity: *amount("10Gi"),
				Claims: new(int64(2))}, {Name: "bulk", Capacity: *amount("1.5Gi"), Claims: new(int64(0))}}
		}, map[string]string{
			"requests.storage": "11776Mi", "persistentvolumeclaims": "5", "fast" + storage: "10Gi", "fast" +
				claims: "2", "bulk" + storage: "1536Mi", "bulk" + claims: "0",
			"secret" + storage: "0", "secret" + claims: "0"}},
		{"a total and a number of claims of the Score", func(s *TenantScore) {
			s.StorageAccess.Classes = []StorageClassAccess{{Name: "fast", Capacity: *amount("10Gi")},
				{Name: "bulk", Capacity: *amount("20Gi")}}
			s.ResourceQuotas.Storage, s.ResourceQuotas.Objects.PersistentVolumeClaims = amount("25Gi"), new(int64(9))
		}, map[string]string{
			"requests.storage": "25Gi", "persistentvolumeclaims": "9", "fast" + storage: "10Gi", "bulk" +
				storage: "20Gi", "secret" + storage: "0", "secret" + claims: "0"}},
		{"a total of zero", func(s *TenantScore) {
			s.StorageAccess.Classes = []StorageClassAccess{{Name: "fast", Capacity: *amount("10Gi")}}
			s.ResourceQuotas.Storage = amount("0")
		}, map[string]string{
			"requests.storage": "0", "persistentvolumeclaims": "5", "fast" + storage: "10Gi",
			"bulk" + storage: "0", "bulk" + claims: "0", "secret" + storage: "0", "secret" + claims: "0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := minimal()
			tt.score(&s)
			require.NoError(t, s.Validate())
			before := s.StorageAccess.Classes
			hard := s.ResourceQuotas.hard(bigPlatform(), s.StorageAccess)
			maps.DeleteFunc(hard, func(key string, _ resource.Quantity) bool {
				return !strings.Contains(key, "persistentvolumeclaims") && !strings.Contains(key, "requests.storage")
			})
			requireAmounts(t, tt.want, hard)
			require.Equal(t, before, s.StorageAccess.Classes, "the Score is not changed")
		})
	}
}

func TestClaimBoundsReachTheLimitRange(t *testing.T) {
	for name, tt := range map[string]struct {
		storage  StorageAccessConfig
		min, max map[string]string
	}{
		"min": {StorageAccessConfig{ClaimMin: amount("1Gi")}, map[string]string{"storage": "1Gi"}, nil},
		"max": {StorageAccessConfig{ClaimMax: amount("2Gi")}, nil, map[string]string{"storage": "2Gi"}},
		"both": {StorageAccessConfig{ClaimMin: amount("0"), ClaimMax: amount("0")}, map[string]string{"storage": "0"},
			map[string]string{"storage": "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			limits := ResourceQuotaConfig{}.bounds(tt.storage)
			require.Len(t, limits, 2)
			require.Equal(t, topology.LimitPVC, limits[1].Type)
			requireAmounts(t, tt.min, limits[1].Min)
			requireAmounts(t, tt.max, limits[1].Max)
		})
	}
	require.Len(t, ResourceQuotaConfig{}.bounds(StorageAccessConfig{}), 1,
		"a limit that limits nothing is refused by the API server")
}

func TestDesiredRefusesUnknownStorageClasses(t *testing.T) {
	missing := StorageAccessConfig{Classes: []StorageClassAccess{{Name: "bulk", Capacity: *amount("1Gi")},
		{Name: "elsewhere", Capacity: *amount("1Gi")}}}
	_, err := missing.check(bigPlatform())
	require.ErrorIs(t, err, topology.ErrUnsupported)
	require.ErrorContains(t, err, `"elsewhere"`)
	require.ErrorContains(t, err, `["bulk" "fast" "secret"]`)
}

func TestDesiredNotesAnotherDefaultStorageClass(t *testing.T) {
	allowed := []StorageClassAccess{{Name: "bulk", Capacity: *amount("1Gi")}, {Name: "fast", Capacity: *amount("1Gi")}}
	for defaultClass, want := range map[string]int{"": 0, "fast": 0, "bulk": 1} {
		notes, err := StorageAccessConfig{Classes: allowed, DefaultClass: defaultClass}.check(bigPlatform())
		require.NoError(t, err)
		require.Len(t, notes, want, defaultClass)
	}
}
