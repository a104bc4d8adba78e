package tenant

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/polyphony-go/polyphony/topology"
)

func TestResourceQuotaConfigValidate(t *testing.T) {
	quotas := func(change func(*ResourceQuotaConfig)) func(*TenantScore) {
		return func(s *TenantScore) { change(&s.ResourceQuotas) }
	}
	container := func(c ContainerBounds) func(*TenantScore) {
		return quotas(func(q *ResourceQuotaConfig) { q.Container = c })
	}
	pod := func(b Bounds) func(*TenantScore) {
		return quotas(func(q *ResourceQuotaConfig) { q.Pod = b })
	}
	totals := func(requests, limits ComputeResources) func(*TenantScore) {
		return quotas(func(q *ResourceQuotaConfig) { q.Requests, q.Limits = requests, limits })
	}
	extended := func(name, q string) func(*TenantScore) {
		return quotas(func(c *ResourceQuotaConfig) { c.Extended = map[string]resource.Quantity{name: *amount(q)} })
	}
	pods := func(running, all int64) func(*TenantScore) {
		return quotas(func(c *ResourceQuotaConfig) { c.Objects.Pods, c.Objects.AllPods = &running, &all })
	}
	cpu := func(s string) ComputeResources { return ComputeResources{CPU: amount(s)} }
	memory := func(s string) ComputeResources { return ComputeResources{Memory: amount(s)} }
	disk := func(s string) ComputeResources { return ComputeResources{EphemeralStorage: amount(s)} }
	none := ComputeResources{}
	at := func(names ...string) []string { return prefixed("resourceQuotas.", names) }

	testEdges(t, []edge{
		{"totals of zero", totals(compute("0", "0", "0"), compute("0", "0", "0")), nil},
		{"limits equal to the requests", totals(compute("1", "1Gi", "1Gi"), compute("1", "1Gi", "1Gi")), nil},
		{"limits equal to the starter requests", totals(none, compute("1", "2Gi", "5Gi")), nil},
		{"negative requests", totals(compute("-1", "-1", "-1"), none),
			at("requests.cpu", "requests.memory", "requests.ephemeralStorage")},
		{"negative limits", totals(none, compute("-1", "-1", "-1")),
			at("limits.cpu", "limits.memory", "limits.ephemeralStorage")},
		{"limits below the requests", totals(compute("2", "2Gi", "2Gi"), compute("1999m", "2047Mi", "2047Mi")),
			at("limits.cpu", "limits.ephemeralStorage", "limits.memory")},
		{"limits below the starter requests", totals(none, compute("999m", "2047Mi", "5119Mi")),
			at("limits.cpu", "limits.ephemeralStorage", "limits.memory")},
		{"storage of zero", quotas(func(c *ResourceQuotaConfig) { c.Storage = amount("0") }), nil},
		{"negative storage", quotas(func(c *ResourceQuotaConfig) { c.Storage = amount("-1") }), at("storage")},
		{"storage without classes", quotas(func(c *ResourceQuotaConfig) { c.Storage = amount("1") }), at("storage")},

		{"an extended resource", extended("nvidia.com/gpu", "8"), nil},
		{"an extended resource of zero", extended("nvidia.com/gpu", "0"), nil},
		{"a whole number written in thousandths", extended("nvidia.com/gpu", "2000m"), nil},
		{"an extended resource with dots in its name", extended("nvidia.com/mig-1g.5gb", "1"), nil},
		{"hugepages", extended("hugepages-2Mi", "128Mi"), nil},
		{"large hugepages", extended("hugepages-1Gi", "0"), nil},
		{"a domain that ends like a reserved one", extended("mykubernetes.io/x", "1"), nil},
		{"a negative extended resource", extended("nvidia.com/gpu", "-1"), at("extended[nvidia.com/gpu]")},
		{"half of an extended resource", extended("nvidia.com/gpu", "500m"), at("extended[nvidia.com/gpu]")},
		{"an extended resource of slightly more than one",
			extended("nvidia.com/gpu", "1000001u"), at("extended[nvidia.com/gpu]")},
		{"a resource that is not extended", extended("cpu", "1"), at("extended[cpu]")},
		{"an extended resource without a name", extended("", "1"), at("extended[]")},
		{"an extended resource without a domain", extended("/gpu", "1"), at("extended[/gpu]")},
		{"an extended resource with a domain alone", extended("nvidia.com/", "1"), at("extended[nvidia.com/]")},
		{"an extended resource with two slashes", extended("a/b/c", "1"), at("extended[a/b/c]")},
		{"an extended resource with an upper case domain",
			extended("Nvidia.com/gpu", "1"), at("extended[Nvidia.com/gpu]")},
		{"a domain that is too long for the key of a quota", extended(domainOf(245)+"/gpu", "1"),
			at("extended[" + domainOf(245) + "/gpu]")},
		{"a domain of the greatest length", extended(domainOf(244)+"/gpu", "1"), nil},
		{"a resource of the domain kubernetes.io", extended("kubernetes.io/x", "1"), at("extended[kubernetes.io/x]")},
		{"a device class", extended("deviceclass.resource.kubernetes.io/x", "1"),
			at("extended[deviceclass.resource.kubernetes.io/x]")},
		{"negative hugepages", extended("hugepages-2Mi", "-1"), at("extended[hugepages-2Mi]")},
		{"hugepages without a size", extended("hugepages-", "1Gi"), at("extended[hugepages-]")},
		{"hugepages of size zero", extended("hugepages-0", "1Gi"), at("extended[hugepages-0]")},
		{"hugepages of a negative size", extended("hugepages--2Mi", "1Gi"), at("extended[hugepages--2Mi]")},
		{"hugepages of a size with a sign", extended("hugepages-+2Mi", "1Gi"), at("extended[hugepages-+2Mi]")},
		{"hugepages of a fractional size", extended("hugepages-2.5Mi", "1Gi"), at("extended[hugepages-2.5Mi]")},
		{"hugepages of a size that is not canonical",
			extended("hugepages-2048Ki", "1Gi"), at("extended[hugepages-2048Ki]")},

		{"the greatest number of pods", pods(1<<50, 1<<50), nil},
		{"zero pods", pods(0, 0), nil},
		{"more pods than the greatest number", pods(1<<50+1, 1<<63-1), at("objects.pods", "objects.allPods")},
		{"negative pods", pods(-1, -1<<63), at("objects.pods", "objects.allPods")},

		{"equal defaults of a container",
			container(ContainerBounds{DefaultRequest: compute("1", "1Gi", "1Gi"),
				DefaultLimit: compute("1", "1Gi", "1Gi")}), nil},
		{"equal bounds of a container",
			container(ContainerBounds{Min: compute("1", "1", "1"), Max: compute("1", "1", "1")}),
			nil},
		{"a default request equal to the minimum",
			container(ContainerBounds{DefaultRequest: cpu("200m"), Min: cpu("200m")}), nil},
		{"a default request equal to the maximum",
			container(ContainerBounds{DefaultRequest: cpu("200m"), Max: cpu("200m")}), nil},
		{"a default limit equal to the minimum",
			container(ContainerBounds{DefaultLimit: cpu("200m"), Min: cpu("200m")}), nil},
		{"a default limit equal to the maximum",
			container(ContainerBounds{DefaultLimit: cpu("200m"), Max: cpu("200m")}), nil},
		{"a maximum below the minimum",
			container(ContainerBounds{Min: cpu("2"), Max: cpu("1")}), at("container.max.cpu")},
		{"a default request below the minimum",
			container(ContainerBounds{DefaultRequest: memory("1Mi"), Min: memory("2Mi")}),
			at("container.defaultRequest.memory")},
		{"a default request below the smallest amount", container(ContainerBounds{DefaultRequest: cpu("0")}),
			at("container.defaultRequest.cpu")},
		{"an amount finer than a thousandth", container(ContainerBounds{DefaultRequest: cpu("1500u")}),
			at("container.defaultRequest.cpu")},
		{"a default request above the maximum",
			container(ContainerBounds{DefaultRequest: disk("2Mi"), Max: disk("1Mi")}),
			at("container.defaultRequest.ephemeralStorage")},
		{"a default limit below the minimum", container(ContainerBounds{DefaultLimit: cpu("1"), Min: cpu("2")}),
			at("container.defaultLimit.cpu")},
		{"a default limit above the maximum", container(ContainerBounds{DefaultLimit: cpu("2"), Max: cpu("1")}),
			at("container.defaultLimit.cpu")},
		{"default limit below the default request",
			container(ContainerBounds{DefaultRequest: cpu("2"), DefaultLimit: cpu("1")}),
			at("container.defaultLimit.cpu")},
		{"mistakes of several resources at once",
			container(ContainerBounds{DefaultLimit: compute("2", "1", "1Gi"), Min: compute("1", "2", "1Mi"),
				Max: compute("1", "3", "1Ki")}),
			at("container.max.ephemeralStorage", "container.defaultLimit.memory", "container.defaultLimit.cpu",
				"container.defaultLimit.ephemeralStorage")},
		{"default limit of zero", container(ContainerBounds{DefaultLimit: cpu("0")}), at("container.defaultLimit.cpu")},
		{"default request of zero", container(ContainerBounds{DefaultRequest: cpu("0")}),
			at("container.defaultRequest.cpu")},
		{"a minimum of zero", container(ContainerBounds{Min: compute("0", "0", "0")}),
			at("container.min.cpu", "container.min.ephemeralStorage", "container.min.memory")},
		{"a maximum of zero", container(ContainerBounds{Max: compute("0", "0", "0")}),
			at("container.max.cpu", "container.max.ephemeralStorage", "container.max.memory")},
		{"a negative minimum and maximum", container(ContainerBounds{Min: cpu("-1"), Max: disk("-1")}),
			at("container.min.cpu", "container.max.ephemeralStorage")},
		{"negative defaults", container(ContainerBounds{DefaultRequest: memory("-1"), DefaultLimit: disk("-1")}),
			at("container.defaultRequest.memory", "container.defaultLimit.ephemeralStorage")},

		{"equal bounds of a pod", pod(Bounds{Min: compute("1", "1", "1"), Max: compute("1", "1", "1")}), nil},
		{"bounds of a pod that are zero", pod(Bounds{Min: compute("0", "0", "0"), Max: compute("0", "0", "0")}), nil},
		{"a maximum of a pod below its minimum", pod(Bounds{Min: compute("2", "2", "2"), Max: compute("1", "1", "1")}),
			at("pod.max.cpu", "pod.max.ephemeralStorage", "pod.max.memory")},
		{"a negative minimum of a pod", pod(Bounds{Min: compute("-1", "-1", "-1")}),
			at("pod.min.cpu", "pod.min.memory", "pod.min.ephemeralStorage")},
		{"a negative maximum of a pod", pod(Bounds{Max: compute("-1", "-1", "-1")}),
			at("pod.max.cpu", "pod.max.memory", "pod.max.ephemeralStorage")},
	})
}

// The API server accepts the quota and the limit range of every valid Score.
func TestValidQuotasCanBeStored(t *testing.T) {
	random, valid := rand.New(rand.NewPCG(1, 2)), 0
	for range 2000 {
		valid += checkRandomScore(t, random)
	}
	require.Greater(t, valid, 200, "too few of the random Scores are valid for this to say anything")
	require.Less(t, valid, 1800, "too few of them are not")
}

func FuzzWhatIsValidCanBeStored(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { checkRandomScore(t, rand.New(rand.NewPCG(a, b))) })
}

func checkRandomScore(t *testing.T, random *rand.Rand) (valid int) {
	t.Helper()
	s := minimal()
	s.ResourceQuotas, s.StorageAccess = randomQuotas(random)
	if s.Validate() != nil {
		return 0
	}
	platform := bigPlatform()
	want, err := s.Desired(platform)
	require.NoError(t, err)
	for name, q := range want.Quota.Hard {
		require.Empty(t, validation.IsQualifiedName(name), name)
		require.GreaterOrEqual(t, q.Sign(), 0, "%s: %s", name, &q)
	}
	for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
		require.True(t, atMost(want.Quota.Hard, "requests."+name, want.Quota.Hard, "limits."+name), "%s: %v", name,
			want.Quota.Hard)
	}
	for _, limit := range want.LimitRange.Limits {
		for name := range keysOf(limit.Min, limit.Max, limit.Default, limit.DefaultRequest) {
			steps := []resources{limit.Min, limit.DefaultRequest, limit.Default, limit.Max}
			for i, less := range steps {
				for _, more := range steps[i+1:] {
					require.True(t, atMost(less, name, more, name), "%s %s of %+v: %+v", limit.Type, name,
						s.ResourceQuotas.Container, limit)
				}
			}
		}
		if limit.Type == topology.LimitContainer {
			for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
				least, request, most := limit.Min[name], limit.DefaultRequest[name], limit.Default[name]
				require.Positive(t, least.Sign(), "a container could have a limit of zero, which is none")
				require.Positive(t, request.Sign())
				require.Positive(t, most.Sign())
			}
		}
	}
	return 1
}

// atMost reports whether a[x] is at most b[y], or one of the two is missing.
func atMost(a resources, x string, b resources, y string) bool {
	less, ok := a[x]
	more, also := b[y]
	return !ok || !also || less.Cmp(more) <= 0
}

func keysOf(all ...resources) map[string]bool {
	keys := map[string]bool{}
	for _, m := range all {
		for k := range m {
			keys[k] = true
		}
	}
	return keys
}

// randomQuotas returns amounts that are mostly small, rarely negative and often unset, so that many
// are valid.
func randomQuotas(random *rand.Rand) (ResourceQuotaConfig, StorageAccessConfig) {
	sizes := []string{"0", "1n", "1", "500m", "100", "64Mi", "100Mi", "512Mi", "1Gi", "1025Mi", "4Gi", "10Gi", "1e30",
		"-1"}
	cores := []string{"0", "1u", "1m", "50m", "100m", "499m", "0.5", "500m", "501m", "1", "1001m", "3", "-1m"}
	pick := func(from []string) *resource.Quantity {
		switch random.IntN(4) {
		case 0:
			return amount(from[random.IntN(len(from))])
		default:
			return nil
		}
	}
	amounts := func() ComputeResources {
		if random.IntN(2) == 0 {
			return ComputeResources{}
		}
		return ComputeResources{CPU: pick(cores), Memory: pick(sizes), EphemeralStorage: pick(sizes)}
	}
	quotas := ResourceQuotaConfig{
		Requests: amounts(), Limits: amounts(), Storage: pick(sizes),
		Container: ContainerBounds{DefaultRequest: amounts(), DefaultLimit: amounts(), Min: amounts(), Max: amounts()},
		Pod:       Bounds{Min: amounts(), Max: amounts()},
	}
	storage := StorageAccessConfig{ClaimMin: pick(sizes), ClaimMax: pick(sizes)}
	for _, name := range []string{"fast", "bulk"} {
		if q := pick(sizes); q != nil {
			storage.Classes = append(storage.Classes, StorageClassAccess{Name: name, Capacity: *q})
		}
	}
	return quotas, storage
}
