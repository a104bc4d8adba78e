package tenant

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// requireAmounts compares quantities by amount and prints the differences.
func requireAmounts(t *testing.T, want map[string]string, have resources) {
	t.Helper()
	parsed := resources{}
	for name, s := range want {
		parsed[name] = resource.MustParse(s)
	}
	require.Empty(t, adapter.Diff(parsed, have))
}

// hardOf returns the quota of a Score on a platform without classes and extended resources.
func hardOf(s TenantScore) resources {
	return s.ResourceQuotas.hard(topology.Platform{}, s.StorageAccess)
}

// The comments of ResourceQuotaConfig and ObjectCounts document the starter amounts.
func TestQuotaOfTheZeroTenant(t *testing.T) {
	requireAmounts(t, map[string]string{
		"requests.cpu": "1", "requests.memory": "2Gi", "requests.ephemeral-storage": "5Gi",
		"limits.cpu": "2", "limits.memory": "4Gi", "limits.ephemeral-storage": "10Gi",
		"requests.storage":     "0",
		"requests.amd.com/gpu": "0", "requests.aws.amazon.com/neuron": "0", "requests.google.com/tpu": "0",
		"requests.gpu.intel.com/i915": "0",
		"requests.gpu.intel.com/xe":   "0", "requests.habana.ai/gaudi": "0", "requests.hugepages-1Gi": "0",
		"requests.hugepages-2Mi": "0", "requests.nvidia.com/gpu": "0",
		"pods": "20", "count/pods": "100", "services": "10", "services.loadbalancers": "0", "services.nodeports": "0",
		"persistentvolumeclaims": "0", "secrets": "20", "configmaps": "20",
		"count/serviceaccounts": "10", "replicationcontrollers": "0", "count/deployments.apps": "10",
		"count/replicasets.apps": "100", "count/statefulsets.apps": "5",
		"count/daemonsets.apps": "0", "count/controllerrevisions.apps": "60", "count/jobs.batch": "20",
		"count/cronjobs.batch":                       "5",
		"count/horizontalpodautoscalers.autoscaling": "10", "count/poddisruptionbudgets.policy": "10",
		"count/ingresses.networking.k8s.io": "5",
		"count/leases.coordination.k8s.io":  "20", "count/resourceclaims.resource.k8s.io": "0",
	}, hardOf(minimal()))
}

func TestLimitRangeOfTheZeroTenant(t *testing.T) {
	limits := minimal().ResourceQuotas.bounds(StorageAccessConfig{})
	require.Len(t, limits, 1)
	require.Equal(t, topology.LimitContainer, limits[0].Type)
	requireAmounts(t, map[string]string{"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "100Mi"},
		limits[0].DefaultRequest)
	requireAmounts(t, map[string]string{"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
		limits[0].Default)
	requireAmounts(t, map[string]string{"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}, limits[0].Min)
	require.Empty(t, limits[0].Max)
}

// Every field of ObjectCounts has its own key in the quota and its JSON name in errors, and zero is
// zero.
func TestObjectCountsReachTheQuota(t *testing.T) {
	fields := reflect.TypeFor[ObjectCounts]()
	require.Len(t, ObjectCounts{}.all(), fields.NumField())
	keys := map[string]bool{}
	for i := range fields.NumField() {
		name := jsonName(fields.Field(i))
		t.Run(name, func(t *testing.T) {
			for _, n := range []int64{0, 7777, 1 << 40} {
				s := minimal()
				reflect.ValueOf(&s.ResourceQuotas.Objects).Elem().Field(i).Set(reflect.ValueOf(&n))
				require.NoError(t, s.Validate())
				starter, have := hardOf(minimal()), hardOf(s)
				changes := adapter.Diff(starter, have)
				index := slices.IndexFunc(s.ResourceQuotas.Objects.all(),
					func(o objectCount) bool { return o.value != nil })
				count := s.ResourceQuotas.Objects.all()[index]
				require.Equal(t, name, count.name)
				keys[count.key] = true
				q := have[count.key]
				require.Equal(t, n, q.Value())
				// AllPods follows from it
				if before := starter[count.key]; before.Value() != n && name != "pods" {
					require.Len(t, changes, 1)
					require.Equal(t, "["+count.key+"]", changes[0].Path)
				}
			}
		})
	}
	require.Len(t, keys, fields.NumField())
}

func TestQuotaHoldsTheTotalsOfTheScore(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ResourceQuotaConfig)
		want   map[string]string // in addition to the starter amounts
	}{
		{"requests of all resources", func(c *ResourceQuotaConfig) { c.Requests = compute("500m", "1Gi", "1Gi") },
			map[string]string{"requests.cpu": "500m", "requests.memory": "1Gi", "requests.ephemeral-storage": "1Gi"}},
		{"a request of one resource", func(c *ResourceQuotaConfig) { c.Requests.Memory = amount("3Gi") },
			map[string]string{"requests.memory": "3Gi"}},
		{"requests of zero", func(c *ResourceQuotaConfig) { c.Requests = compute("0", "0", "0") },
			map[string]string{"requests.cpu": "0", "requests.memory": "0", "requests.ephemeral-storage": "0"}},
		{"limits follow larger requests", func(c *ResourceQuotaConfig) { c.Requests = compute("8", "64Gi", "20Gi") },
			map[string]string{"requests.cpu": "8", "requests.memory": "64Gi", "requests.ephemeral-storage": "20Gi",
				"limits.cpu": "8", "limits.memory": "64Gi", "limits.ephemeral-storage": "20Gi"}},
		{"limits of all resources", func(c *ResourceQuotaConfig) { c.Limits = compute("3", "5Gi", "11Gi") },
			map[string]string{"limits.cpu": "3", "limits.memory": "5Gi", "limits.ephemeral-storage": "11Gi"}},
		{"a limit of one resource", func(c *ResourceQuotaConfig) {
			c.Requests, c.Limits.CPU = compute("4", "8Gi", "5Gi"),
				amount("5")
		},
			map[string]string{"requests.cpu": "4", "requests.memory": "8Gi", "limits.cpu": "5",
				"limits.memory": "8Gi"}},
		{"extended resources", func(c *ResourceQuotaConfig) {
			c.Extended = map[string]resource.Quantity{"nvidia.com/gpu": *amount("4"),
				"vendor.example/fpga": *amount("0"), "hugepages-64Ki": *amount("1Mi")}
		}, map[string]string{"requests.nvidia.com/gpu": "4", "requests.vendor.example/fpga": "0",
			"requests.hugepages-64Ki": "1Mi"}},
		{"AllPods defaults to five times Pods", func(c *ResourceQuotaConfig) { c.Objects.Pods = new(int64(7)) },
			map[string]string{"pods": "7", "count/pods": "35"}},
		{"AllPods that is set", func(c *ResourceQuotaConfig) {
			c.Objects.Pods, c.Objects.AllPods = new(int64(7)),
				new(int64(8))
		},
			map[string]string{"pods": "7", "count/pods": "8"}},
		{"storage of zero without classes", func(c *ResourceQuotaConfig) { c.Storage = amount("0") }, nil},
		{"a number of claims", func(c *ResourceQuotaConfig) { c.Objects.PersistentVolumeClaims = new(int64(3)) },
			map[string]string{"persistentvolumeclaims": "3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := minimal()
			tt.change(&s.ResourceQuotas)
			require.NoError(t, s.Validate())
			want := hardOf(minimal())
			for key, q := range tt.want {
				want[key] = resource.MustParse(q)
			}
			require.Empty(t, adapter.Diff(want, hardOf(s)))
		})
	}
}

// Extended resources of nodes and well-known ones are capped at zero unless the Score grants them.
func TestQuotaCapsExtendedResourcesAtZero(t *testing.T) {
	platform := topology.Platform{ExtendedResources: []string{"vendor.example/fpga", "nvidia.com/gpu",
		"hugepages-32Mi"}}
	c := ResourceQuotaConfig{Extended: map[string]resource.Quantity{"nvidia.com/gpu": *amount("2"),
		"vendor.example/other": *amount("1")}}
	hard := c.hard(platform, StorageAccessConfig{})
	for key, want := range map[string]int64{
		"requests.vendor.example/fpga": 0, "requests.hugepages-32Mi": 0, "requests.amd.com/gpu": 0,
		"requests.nvidia.com/gpu": 2, "requests.vendor.example/other": 1,
	} {
		q, ok := hard[key]
		require.True(t, ok, key)
		require.Equal(t, want, q.Value(), key)
	}
	require.Subset(t, slices.Collect(maps.Keys(hard)), prefixed("requests.", WellKnownExtendedResources()))
	require.True(t, slices.IsSorted(WellKnownExtendedResources()))
}

func prefixed(prefix string, names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}

// For each resource: what a container gets that sets nothing, for given fields of the Score.
func TestContainerDefaultsFitTheBounds(t *testing.T) {
	tests := []struct {
		name                     string
		request, limit, min, max string // of CPU, as set; "" is unset
		wantRequest, wantLimit   string
		wantMin                  string
	}{
		{"unset fields", "", "", "", "", "100m", "500m", "1m"},
		{"a request below the default limit", "200m", "", "", "", "200m", "500m", "1m"},
		{"a request above the default limit raises the limit", "2", "", "", "", "2", "2", "1m"},
		{"a limit above the default request", "", "1", "", "", "100m", "1", "1m"},
		{"a limit below the default request lowers the request", "", "50m", "", "", "50m", "50m", "1m"},
		{"a request and a limit", "200m", "300m", "", "", "200m", "300m", "1m"},
		{"a minimum below the defaults", "", "", "50m", "", "100m", "500m", "50m"},
		{"a minimum above the default request raises the request", "", "", "200m", "", "200m", "500m", "200m"},
		{"a minimum above both defaults raises both", "", "", "2", "", "2", "2", "2"},
		{"a maximum above the defaults", "", "", "", "4", "100m", "500m", "1m"},
		{"a maximum below the default limit lowers the limit", "", "", "", "300m", "100m", "300m", "1m"},
		{"a maximum below both defaults lowers both", "", "", "", "50m", "50m", "50m", "1m"},
		{"equal minimum and maximum", "", "", "250m", "250m", "250m", "250m", "250m"},
		{"a request equal to the maximum", "2", "", "", "2", "2", "2", "1m"},
		{"a limit equal to the minimum", "", "200m", "200m", "", "200m", "200m", "200m"},
		{"all four fields", "200m", "300m", "150m", "350m", "200m", "300m", "150m"},
	}
	set := func(s string) *resource.Quantity {
		if s == "" {
			return nil
		}
		return amount(s)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := minimal()
			c := &s.ResourceQuotas.Container
			c.DefaultRequest.CPU, c.DefaultLimit.CPU, c.Min.CPU, c.Max.CPU = set(tt.request), set(tt.limit),
				set(tt.min), set(tt.max)
			require.NoError(t, s.Validate())
			have := s.ResourceQuotas.bounds(StorageAccessConfig{})[0]
			starter := minimal().ResourceQuotas.bounds(StorageAccessConfig{})[0]
			starter.DefaultRequest["cpu"], starter.Default["cpu"], starter.Min["cpu"] = *amount(tt.wantRequest),
				*amount(tt.wantLimit), *amount(tt.wantMin)
			if tt.max != "" {
				starter.Max["cpu"] = *amount(tt.max)
			}
			require.Empty(t, adapter.Diff(starter, have))
		})
	}
}

func TestPodBoundsReachTheLimitRange(t *testing.T) {
	c := ResourceQuotaConfig{Pod: Bounds{Max: ComputeResources{CPU: amount("2")}}}
	limits := c.bounds(StorageAccessConfig{})
	require.Len(t, limits, 2)
	require.Equal(t, topology.LimitPod, limits[1].Type)
	require.Empty(t, limits[1].Min)
	requireAmounts(t, map[string]string{"cpu": "2"}, limits[1].Max)
	require.Empty(t, limits[1].Default)
	require.Empty(t, limits[1].DefaultRequest)

	c.Pod = Bounds{Min: compute("1", "2", "3")}
	requireAmounts(t, map[string]string{"cpu": "1", "memory": "2", "ephemeral-storage": "3"},
		c.bounds(StorageAccessConfig{})[1].Min)
}

// Adapters may change the values they receive.
func TestDesiredCopiesTheStarterAmounts(t *testing.T) {
	before := hardOf(minimal())
	changed := hardOf(minimal())
	for name, q := range changed {
		q.Add(*amount("1e30"))
		changed[name] = q
	}
	for _, limit := range minimal().ResourceQuotas.bounds(StorageAccessConfig{}) {
		limit.Default["cpu"], limit.Min["cpu"] = *amount("99"), *amount("99")
	}
	require.Empty(t, adapter.Diff(before, hardOf(minimal())))
	requireAmounts(t, map[string]string{"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
		starterDefaultLimit)
	requireAmounts(t, map[string]string{"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}, starterMin)
}
