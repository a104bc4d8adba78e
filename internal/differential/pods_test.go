package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// podGenerator makes random manifests of pods. They meet the strictest level, except for careless
// fields.
type podGenerator struct {
	generator

	careless float64 // the probability that a field is careless
}

type (
	object = map[string]any
	list   = []any
)

// absent is the value of a field that is not set.
var absent = any(new(struct{}))

// field sets a field to a good or to a careless value.
func (g podGenerator) field(o object, name string, well, badly []any) {
	from := well
	if g.Float64() < g.careless {
		from = badly
	}
	if value := pick(g.generator, from...); value != absent {
		o[name] = value
	}
}

// fields sets several fields that have the same values.
func (g podGenerator) fields(o object, names []string, well, badly []any) {
	for _, name := range names {
		g.field(o, name, well, badly)
	}
}

func (g podGenerator) pod() object {
	spec := object{}
	g.fields(spec, []string{"hostNetwork", "hostPID", "hostIPC"}, list{absent, absent, false, nil}, list{true})
	if g.IntN(4) == 0 {
		g.field(spec, "hostUsers", list{true, false, false, nil}, list{false})
	}
	if g.IntN(4) == 0 {
		g.field(spec, "os", list{object{"name": "linux"}, object{"name": "windows"}, object{"name": "windows"}, object{}, nil}, list{object{"name": "Windows"}})
	}
	g.field(spec, "securityContext", list{g.podSecurity()}, list{absent, nil, object{}, g.podSecurity()})
	for _, kind := range []string{"initContainers", "containers", "ephemeralContainers"} {
		g.field(spec, kind, list{several(g.generator, 2, g.container)}, list{absent, nil, several(g.generator, 2, g.container)})
	}
	g.field(spec, "volumes", list{absent, several(g.generator, 2, g.volume)}, list{several(g.generator, 4, g.volume)})
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": g.metadata(), "spec": spec}
}

func (g podGenerator) metadata() object {
	annotations := object{}
	for _, name := range []string{"a", "b"} {
		g.field(annotations, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix+name, list{absent, absent, "", "runtime/default", "localhost/x", "localhost/"},
			list{"unconfined", "Localhost/x", "runtime/default ", "localhost"})
		g.field(annotations, pick(g.generator, "example.com/"+name, "seccomp.security.alpha.kubernetes.io/pod"), list{absent, "x"}, list{"unconfined"})
	}
	return object{"name": "p", "annotations": annotations}
}

// security returns the fields that the security contexts of pods and containers share.
func (g podGenerator) security() object {
	o := object{}
	g.field(o, "runAsUser", list{absent, absent, 1, 65534, nil}, list{0})
	g.field(o, "appArmorProfile", list{absent, object{"type": "RuntimeDefault"}, object{"type": "Localhost", "localhostProfile": "x"}, nil},
		list{object{"type": "Unconfined"}, object{"type": ""}, object{}, object{"type": "runtime/default"}})
	options := object{}
	g.field(options, "type", list{absent, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}, list{"spc_t", "Container_t"})
	g.field(options, "user", list{absent, absent, ""}, list{"system_u"})
	g.field(options, "role", list{absent, absent, ""}, list{"system_r"})
	g.field(options, "level", list{absent, "s0:c1"}, list{"s0"})
	g.field(o, "seLinuxOptions", list{absent, options}, list{options})
	hosted := object{}
	g.field(hosted, "hostProcess", list{absent, false, nil}, list{true})
	g.field(o, "windowsOptions", list{absent, absent, hosted}, list{hosted})
	return o
}

var wrongProfiles = list{object{"type": "Unconfined"}, object{}, object{"type": "localhost"}}

func (g podGenerator) podSecurity() object {
	o := g.security()
	g.field(o, "runAsNonRoot", list{true}, list{absent, nil, false})
	g.field(o, "seccompProfile", list{object{"type": "RuntimeDefault"}, object{"type": "Localhost", "localhostProfile": "x"}}, append(list{absent, nil}, wrongProfiles...))
	g.field(o, "sysctls", list{absent, nil, several(g.generator, 3, g.sysctl)}, list{several(g.generator, 3, g.sysctl)})
	return o
}

func (g podGenerator) sysctl() object {
	o := object{"value": "1"}
	g.field(o, "name", list{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
		"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
	}, list{"kernel.msgmax", "net.core.somaxconn", "net.ipv4.tcp_mem", "net/ipv4/tcp_rmem", ""})
	return o
}

func (g podGenerator) container() object {
	o := object{"name": pick(g.generator, "a", "b", "c"), "image": "i"}
	g.field(o, "securityContext", list{g.containerSecurity()}, list{absent, nil, object{}, g.containerSecurity()})
	g.field(o, "ports", list{absent, nil, list{object{"containerPort": 80}, object{"containerPort": 81, "hostPort": 0}}},
		list{list{object{"containerPort": 80}, object{"containerPort": 81, "hostPort": 81}}, list{object{"hostPort": -1}}})
	for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		g.field(o, probe, list{absent, absent, g.handler()}, list{g.handler()})
	}
	lifecycle := object{}
	g.fields(lifecycle, []string{"postStart", "preStop"}, list{absent, g.handler()}, list{g.handler(), nil})
	g.field(o, "lifecycle", list{absent, absent, lifecycle}, list{lifecycle, nil})
	return o
}

func (g podGenerator) containerSecurity() object {
	o := g.security()
	g.field(o, "allowPrivilegeEscalation", list{false}, list{absent, nil, true})
	g.field(o, "privileged", list{absent, absent, false, nil}, list{true})
	g.field(o, "procMount", list{absent, absent, "Default", nil}, list{"Unmasked", "", "default"})
	g.field(o, "runAsNonRoot", list{absent, absent, true, nil}, list{false})
	g.field(o, "seccompProfile", list{absent, absent, nil, object{"type": "RuntimeDefault"}, object{"type": "Localhost"}}, wrongProfiles)
	all := object{}
	g.field(all, "drop", list{list{"ALL"}, list{"NET_RAW", "ALL"}}, list{absent, nil, list{}, list{"all"}, list{"NET_RAW"}})
	g.field(all, "add", list{absent, absent, nil, list{}, list{"NET_BIND_SERVICE"}}, list{
		list{"NET_RAW"}, list{"CHOWN"}, list{"NET_BIND_SERVICE", "SYS_ADMIN"}, list{"AUDIT_WRITE", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"},
		list{"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}, list{""}, list{"ALL"}, list{"chown"}, list{"CAP_CHOWN"},
	})
	g.field(o, "capabilities", list{all}, list{absent, nil, all})
	return o
}

func (g podGenerator) handler() object {
	host := object{"port": 80}
	g.field(host, "host", list{absent, absent, ""}, list{"127.0.0.1", "metadata", " "})
	o := object{}
	g.field(o, pick(g.generator, "httpGet", "tcpSocket"), list{host}, list{host, nil})
	g.field(o, pick(g.generator, "exec", "httpGet", "tcpSocket", "grpc", "sleep"), list{absent, object{}}, list{object{}, nil, host})
	delete(o, pick(g.generator, "exec", "sleep"))
	return o
}

// volumeKinds are all kinds of volumes of the imported Kubernetes types.
var volumeKinds = func() (kinds []any) {
	for field := range reflect.TypeFor[corev1.VolumeSource]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		kinds = append(kinds, name)
	}
	return kinds
}()

func (g podGenerator) volume() object {
	o := object{"name": pick(g.generator, "v", "w")}
	allowed := list{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}
	sources := object{}
	g.field(sources, "one", append(allowed, absent), append(slices.Repeat(list{"hostPath"}, 20), volumeKinds...))
	g.field(sources, "another", list{absent}, append(allowed, volumeKinds...))
	for _, which := range []string{"one", "another"} {
		if kind, ok := sources[which].(string); ok {
			g.field(o, kind, list{object{}}, list{object{}, nil})
		}
	}
	return o
}

// misspelt returns a value in which some names of fields are misspelt, instead of the right one or
// in addition to it.
func (g podGenerator) misspelt(value any) any {
	switch value := value.(type) {
	case object:
		o := object{}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			other := strings.ToUpper(name[:1]) + name[1:]
			if g.coin() {
				other = strings.ToLower(name)
			}
			switch careless := g.Float64() * 10; {
			case careless < g.careless/10:
				o[other] = value[name]
				continue
			case careless < g.careless:
				o[other] = pick[any](g.generator, nil, value[name])
			}
			o[name] = g.misspelt(value[name])
		}
		return o
	case []object:
		all := list{}
		for _, one := range value {
			all = append(all, g.misspelt(one))
		}
		return all
	}
	return value
}

// update returns two random manifests of a pod, before and after an update.
func (g podGenerator) update(t *testing.T) (old, pod []byte) {
	t.Helper()
	spec := object{}
	for _, kind := range []string{"containers", "initContainers", "ephemeralContainers"} {
		n := 0
		spec[kind] = several(g.generator, 2, func() object {
			n++
			return object{"name": pick(g.generator, fmt.Sprint("c", n), "c"), "image": pick(g.generator, "i", "j")}
		})
	}
	old, err := json.Marshal(object{"spec": spec})
	require.NoError(t, err)
	for _, kind := range []string{"containers", "initContainers", "ephemeralContainers"} {
		all, _ := spec[kind].([]object)
		switch i := g.IntN(max(len(all), 1)); g.IntN(14) {
		case 0:
			spec[kind] = append(all, object{"name": "c9", "image": "i"})
		case 1:
			spec[kind] = all[:i]
		case 2:
			slices.Reverse(all)
		case 3, 4:
			if len(all) > 0 {
				all[i][pick(g.generator, "name", "image", "image", "stdin")] = pick[any](g.generator, "i", "j", "c", "c1", nil)
				delete(all[i], "stdin")
			}
		}
	}
	spec["hostPID"] = g.coin()
	pod, err = json.Marshal(object{"metadata": object{"labels": object{"a": "b"}}, "spec": spec})
	require.NoError(t, err)
	return old, pod
}
