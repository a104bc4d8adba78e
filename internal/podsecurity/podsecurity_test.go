package podsecurity

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

const (
	restricted = topology.PodSecurityRestricted
	baseline   = topology.PodSecurityBaseline
)

// tightest is the smallest pod with containers of every kind that restricted admits.
const tightest = `{
	"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
	"spec": {
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
		"initContainers": [{"name": "init", "image": "i", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
		"containers": [{"name": "app", "image": "i", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
		"ephemeralContainers": [{"name": "shell", "image": "i", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]
	}
}`

// change sets the field at a path to a value in JSON. An empty value removes the field. A dot
// separates names and indices, and a colon stands for a dot in a name.
type change struct{ path, value string }

// edited returns the pod tightest with changes.
func edited(t *testing.T, changes ...change) json.RawMessage {
	t.Helper()
	var root any
	require.NoError(t, json.Unmarshal([]byte(tightest), &root))
	for _, c := range changes {
		names := strings.Split(c.path, ".")
		at := root
		for _, name := range names[:len(names)-1] {
			at = child(t, at, name)
		}
		object, ok := at.(map[string]any)
		require.True(t, ok, c.path)
		last := strings.ReplaceAll(names[len(names)-1], ":", ".")
		if delete(object, last); c.value != "" {
			var value any
			require.NoError(t, json.Unmarshal([]byte(c.value), &value), c.value)
			object[last] = value
		}
	}
	data, err := json.Marshal(root)
	require.NoError(t, err)
	return data
}

// child returns the field of an object, which it creates if it is missing, or the element of a
// list.
func child(t *testing.T, at any, name string) any {
	t.Helper()
	switch at := at.(type) {
	case []any:
		i, err := strconv.Atoi(name)
		require.NoError(t, err)
		return at[i]
	case map[string]any:
		if at[name] == nil {
			at[name] = map[string]any{}
		}
		return at[name]
	}
	require.Fail(t, "neither an object nor a list", name)
	return nil
}

// neighbours has, for each rule, a field with a value that is refused and a similar one that is
// not. In a path, C stands for a container of each kind, and S for the security context of the pod
// and of each container.
var neighbours = []struct {
	rule             string
	level            topology.PodSecurity // that has the rule; restricted also refuses what baseline does
	path             string
	refused, allowed string
	given            []change // made to the pod first
}{
	{"host namespaces", baseline, "spec.hostNetwork", `true`, `false`, nil},
	{"host namespaces", baseline, "spec.hostPID", `true`, `false`, nil},
	{"host namespaces", baseline, "spec.hostIPC", `true`, `null`, nil},
	{"privileged", baseline, "C.securityContext.privileged", `true`, `false`, nil},
	{"host ports", baseline, "C.ports", `[{"containerPort":80},{"containerPort":81,"hostPort":81}]`, `[{"containerPort":80,"hostPort":0}]`, nil},
	{"hosts of probes", baseline, "C.livenessProbe.httpGet", `{"port":80,"host":"169.254.169.254"}`, `{"port":80,"host":""}`, nil},
	{"hosts of probes", baseline, "C.readinessProbe.tcpSocket.host", `"10.0.0.1"`, `""`, nil},
	{"hosts of probes", baseline, "C.startupProbe.httpGet.host", `"localhost"`, `null`, nil},
	{"hosts of probes", baseline, "C.lifecycle.postStart.httpGet.host", `"x"`, `""`, nil},
	{"hosts of probes", baseline, "C.lifecycle.preStop.tcpSocket", `{"host":"x"}`, `{"port":80}`, nil},
	{"AppArmor profile", baseline, "S.appArmorProfile", `{"type":"Unconfined"}`, `{"type":"Localhost","localhostProfile":"x"}`, nil},
	{"AppArmor profile", baseline, "S.appArmorProfile", `{}`, `{"type":"RuntimeDefault"}`, nil},
	{"AppArmor profile", baseline, "metadata.annotations.container:apparmor:security:beta:kubernetes:io/app", `"unconfined"`, `"localhost/x"`, nil},
	{"AppArmor profile", baseline, "metadata.annotations.container:apparmor:security:beta:kubernetes:io/gone", `"runtime/defaults"`, `"runtime/default"`, nil},
	{"SELinux options", baseline, "S.seLinuxOptions.type", `"spc_t"`, `"container_engine_t"`, nil},
	{"SELinux options", baseline, "S.seLinuxOptions.user", `"sysadm_u"`, `""`, nil},
	{"SELinux options", baseline, "S.seLinuxOptions.role", `"sysadm_r"`, `null`, nil},
	{"sysctls", baseline, "spec.securityContext.sysctls", `[{"name":"kernel.msgmax"}]`, `[{"name":"net.ipv4.tcp_rmem"}]`, nil},
	{"host process", baseline, "S.windowsOptions.hostProcess", `true`, `false`, nil},
	{"capabilities added", baseline, "C.securityContext.capabilities.add", `["CHOWN","NET_RAW"]`, `["NET_BIND_SERVICE"]`, nil},
	{"capabilities added", baseline, "C.securityContext.capabilities.add", `[""]`, `[]`, nil},
	{"capabilities added", restricted, "C.securityContext.capabilities.add", `["CHOWN"]`, `["NET_BIND_SERVICE"]`, nil},
	{"capabilities kept", restricted, "C.securityContext.capabilities.drop", `["all"]`, `["NET_RAW","ALL"]`, nil},
	{"capabilities kept", restricted, "C.securityContext.capabilities", ``, `{"drop":["ALL"]}`, nil},
	{"privilege escalation", restricted, "C.securityContext.allowPrivilegeEscalation", ``, `false`, nil},
	{"privilege escalation", restricted, "C.securityContext.allowPrivilegeEscalation", `true`, `false`, nil},
	{"root", restricted, "S.runAsNonRoot", `false`, `true`, []change{{"spec.securityContext.runAsNonRoot", ``},
		{"spec.initContainers.0.securityContext.runAsNonRoot", `true`}, {"spec.containers.0.securityContext.runAsNonRoot", `true`},
		{"spec.ephemeralContainers.0.securityContext.runAsNonRoot", `true`}}},
	{"root", restricted, "S.runAsNonRoot", `false`, `true`, nil},
	{"root not ruled out", restricted, "spec.securityContext.runAsNonRoot", ``, `true`, nil},
	{"root not ruled out", restricted, "spec.ephemeralContainers.0.securityContext.runAsNonRoot", ``, `true`, []change{{"spec.securityContext.runAsNonRoot", `null`},
		{"spec.initContainers.0.securityContext.runAsNonRoot", `true`}, {"spec.containers.0.securityContext.runAsNonRoot", `true`}}},
	{"root not ruled out", restricted, "spec.hostUsers", `true`, `false`, []change{{"spec.securityContext.runAsNonRoot", ``}}},
	{"user 0", restricted, "S.runAsUser", `0`, `1`, nil},
	{"user 0", restricted, "spec.hostUsers", ``, `false`, []change{{"spec.containers.0.securityContext.runAsUser", `0`}}},
	{"seccomp profile", baseline, "S.seccompProfile", `{"type":"Unconfined"}`, `{"type":"Localhost"}`, nil},
	{"seccomp profile", restricted, "C.securityContext.seccompProfile", `{}`, `{"type":"RuntimeDefault"}`, nil},
	{"no seccomp profile", restricted, "spec.securityContext.seccompProfile", `null`, `{"type":"RuntimeDefault"}`, nil},
	{"no seccomp profile", restricted, "spec.os.name", `"linux"`, `"windows"`, []change{{"spec.securityContext.seccompProfile", ``}}},
	{"privilege escalation", restricted, "spec.os.name", `"linux"`, `"windows"`, []change{{"spec.containers.0.securityContext.allowPrivilegeEscalation", ``}}},
	{"capabilities kept", restricted, "spec.os.name", `"Windows"`, `"windows"`, []change{{"spec.containers.0.securityContext.capabilities", ``}}},
	{"proc mount", baseline, "C.securityContext.procMount", `"Unmasked"`, `"Default"`, nil},
	{"proc mount", baseline, "C.securityContext.procMount", `""`, `null`, nil},
	{"proc mount", restricted, "C.securityContext.procMount", `"Unmasked"`, `"Default"`, []change{{"spec.hostUsers", `false`}}},
	{"hostPath volumes", baseline, "spec.volumes", `[{"name":"v","hostPath":{"path":"/"}}]`, `[{"name":"v","hostPath":null,"emptyDir":{}}]`, nil},
	{"volume types", restricted, "spec.volumes", `[{"name":"v"},{"name":"w","nfs":{}}]`, `[{"name":"v"},{"name":"w","image":{}}]`, nil},
	{"volume types", restricted, "spec.volumes", `[{"name":"v","nfs":{},"emptyDir":null}]`, `[{"name":"v","nfs":null,"emptyDir":{}}]`, nil},
}

// places returns the paths that a path of neighbours stands for.
func places(path string) []string {
	containers := []string{"spec.initContainers.0", "spec.containers.0", "spec.ephemeralContainers.0"}
	switch rest := path[1:]; path[0] {
	case 'C':
		return []string{containers[0] + rest, containers[1] + rest, containers[2] + rest}
	case 'S':
		return []string{
			"spec.securityContext" + rest, containers[0] + ".securityContext" + rest,
			containers[1] + ".securityContext" + rest, containers[2] + ".securityContext" + rest,
		}
	}
	return []string{path}
}

func TestCheckRefusesWhatEachRuleForbids(t *testing.T) {
	for _, tt := range neighbours {
		for _, path := range places(tt.path) {
			t.Run(tt.rule+" "+path+" "+tt.refused, func(t *testing.T) {
				levels := []topology.PodSecurity{tt.level}
				if tt.level == baseline && tt.rule != "hostPath volumes" {
					levels = append(levels, restricted)
				}
				for _, level := range levels {
					reasons, err := Check(level, edited(t, append(slices.Clone(tt.given), change{path, tt.refused})...))
					require.NoError(t, err)
					require.True(t, slices.ContainsFunc(reasons, func(r string) bool { return strings.HasPrefix(r, tt.rule) }), "%s: %q", level, reasons)
					reasons, err = Check(level, edited(t, append(slices.Clone(tt.given), change{path, tt.allowed})...))
					require.NoError(t, err)
					require.Empty(t, reasons, level)
				}
				reasons, err := Check(topology.PodSecurityPrivileged, edited(t, append(slices.Clone(tt.given), change{path, tt.refused})...))
				require.NoError(t, err)
				require.Empty(t, reasons)
			})
		}
	}
}

// For each rule there is a case that breaks this rule and no other.
func TestNeighboursBreakEachRuleAlone(t *testing.T) {
	for _, level := range []topology.PodSecurity{baseline, restricted} {
		alone := map[string]bool{}
		for _, tt := range neighbours {
			for _, path := range places(tt.path) {
				reasons, err := Check(level, edited(t, append(slices.Clone(tt.given), change{path, tt.refused})...))
				require.NoError(t, err)
				if len(reasons) == 1 {
					name, _, _ := strings.Cut(reasons[0], " (")
					alone[name] = true
				}
			}
		}
		var names []string
		for _, r := range rulesOf(level) {
			names = append(names, r.name)
		}
		require.ElementsMatch(t, names, slices.Collect(maps.Keys(alone)))
	}
}

func TestCheckNamesWhatBreaksARule(t *testing.T) {
	for _, tt := range []struct {
		level   topology.PodSecurity
		changes []change
		want    []string
	}{
		{restricted, nil, nil},
		{"", []change{{"spec.hostPID", `true`}}, nil},
		{"strictest", []change{{"spec.containers.0.securityContext.allowPrivilegeEscalation", `true`}}, []string{
			`privilege escalation (container "app": allowPrivilegeEscalation != false): set securityContext.allowPrivilegeEscalation to false`}},
		{baseline, []change{{"spec.volumes", `[{"name":"v","hostPath":{}},{"name":"w","hostPath":{}}]`}, {"spec.hostPID", `true`}, {"spec.hostIPC", `true`}}, []string{
			"host namespaces (hostPID; hostIPC): remove them from the spec",
			`hostPath volumes (volume "v"; volume "w"): use a persistentVolumeClaim`}},
		{restricted, []change{{"spec.volumes", `[{"name":"v","hostPath":{}}]`}}, []string{
			`volume types (volume "v": hostPath): use one of configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected, secret`}},
		{restricted, []change{{"spec.initContainers.0.securityContext.capabilities.add", `["NET_BIND_SERVICE","CHOWN","NET_RAW"]`}}, []string{
			`capabilities added (container "init": "CHOWN", "NET_RAW"): add none but NET_BIND_SERVICE`}},
		{baseline, []change{{"spec.securityContext.seLinuxOptions", `{"type":"spc_t","role":"r"}`}, {"spec.containers.0.ports", `[{"hostPort":80},{"hostPort":81}]`}}, []string{
			`host ports (container "app": 80, 81): remove hostPort, and expose the port by a Service`,
			`SELinux options (pod: type "spc_t", role "r"): remove user and role, and set type to one of container_t, container_init_t, container_kvm_t, container_engine_t`}},
	} {
		reasons, err := Check(tt.level, edited(t, tt.changes...))
		require.NoError(t, err)
		require.Equal(t, tt.want, reasons)
	}
}

// An API server ignores a field whose name has another case.
func TestCheckReadsFieldsByTheirExactNames(t *testing.T) {
	reasons, err := Check(baseline, json.RawMessage(`{"spec":{"HostPID":true,"hostpid":true,"Containers":[{"securityContext":{"privileged":true}}]},"Spec":{"hostPID":true}}`))
	require.NoError(t, err)
	require.Empty(t, reasons)

	for _, hidden := range []string{
		`{"spec":{"hostPID":true,"HostPID":false}}`, `{"spec":{"hostPID":true},"Spec":{"hostPID":false}}`, `{"spec":{"host\u0050ID":true}}`,
		`{"spec":{"containers":[{"securityContext":{"privileged":true,"Privileged":false}}],"Containers":[]}}`,
		`{"spec":{"volumes":[{"name":"v","hostPath":{},"HostPath":null}]}}`,
		`{"spec":{"hostPID":true},"spec":{}}`, `{"spec":{"securityContext":{"windowsOptions":{"hostProcess":true},"windowsOptions":{}}}}`, // a repeated field is merged
	} {
		reasons, err := Check(baseline, json.RawMessage(hidden))
		require.NoError(t, err)
		require.Len(t, reasons, 1, hidden)
	}
}

func TestCheckRefusesWhatIsNotAPod(t *testing.T) {
	for _, data := range []string{
		``, `null`, `[]`, `"pod"`, `{`, `{"kind":"Service"}`, `{"spec":{"containers":[{"name":1}]}}`, `{"spec":{"hostPID":"yes"}}`, `{"spec":[]}`,
		`{"spec":{"volumes":["v"]}}`, `{"metadata":{"annotations":{"a":1}}}`, `{} {}`,
	} {
		for _, level := range []topology.PodSecurity{topology.PodSecurityPrivileged, restricted} {
			_, err := Check(level, json.RawMessage(data))
			require.ErrorContains(t, err, "not a pod", data)
		}
		_, err := Significant(json.RawMessage(data), json.RawMessage(`{}`))
		require.Error(t, err, data)
		_, err = Significant(json.RawMessage(`{}`), json.RawMessage(data))
		require.Error(t, err, data)
	}
	for _, data := range []string{`{}`, `{"kind":"Pod","metadata":null,"spec":null}`, `{"kind":"Pod","spec":{"containers":[null],"volumes":[null],"os":null,"hostUsers":null}}`} {
		reasons, err := Check(baseline, json.RawMessage(data))
		require.NoError(t, err)
		require.Empty(t, reasons)
	}
}

func TestSignificantReportsChangesThatNeedACheck(t *testing.T) {
	const another = `[{"name":"app","image":"i"},{"name":"shell","image":"i"}]`
	for name, tt := range map[string]struct {
		changes []change
		want    bool
	}{
		"nothing":                              {nil, false},
		"labels and annotations":               {[]change{{"metadata.labels.a", `"b"`}, {"metadata.annotations.a", `"b"`}}, false},
		"host namespaces, which cannot change": {[]change{{"spec.hostPID", `true`}}, false},
		"image":                                {[]change{{"spec.containers.0.image", `"j"`}}, true},
		"image of an init container":           {[]change{{"spec.initContainers.0.image", `"j"`}}, true},
		"image of an ephemeral container":      {[]change{{"spec.ephemeralContainers.0.image", `"j"`}}, true},
		"name of a container":                  {[]change{{"spec.containers.0.name", `"other"`}}, false},
		"name of an ephemeral container":       {[]change{{"spec.ephemeralContainers.0.name", `"other"`}}, true},
		"container added":                      {[]change{{"spec.containers", another}}, true},
		"init container added":                 {[]change{{"spec.initContainers", another}}, true},
		"ephemeral container added, first":     {[]change{{"spec.ephemeralContainers", another}}, true},
		"container removed":                    {[]change{{"spec.containers", ``}}, true},
		"init container removed":               {[]change{{"spec.initContainers", `[]`}}, true},
		"ephemeral container removed":          {[]change{{"spec.ephemeralContainers", `[]`}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			significant, err := Significant(edited(t, tt.changes...), json.RawMessage(tightest))
			require.NoError(t, err)
			require.Equal(t, tt.want, significant)
		})
	}
}

// FuzzCheck checks that any data has an answer, and that restricted refuses what baseline refuses.
// Two kinds of invalid pods are exempt, since restricted does not check them: pods of Windows with
// fields of Linux, and volumes of two kinds.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(tightest))
	for _, tt := range neighbours {
		for _, value := range []string{tt.refused, tt.allowed} {
			if value != "" && len(tt.given) == 0 {
				name := strings.ReplaceAll(tt.path[strings.LastIndex(tt.path, ".")+1:], ":", ".")
				f.Add([]byte(`{"metadata":{"annotations":{"` + name + `":` + value + `}}}`))
				f.Add([]byte(`{"spec":{"` + name + `":` + value + `,"containers":[{"name":"c","securityContext":{"` + name + `":` + value + `}}]}}`))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		loose, err := Check(baseline, data)
		tight, other := Check(restricted, data)
		require.Equal(t, err == nil, other == nil)
		p, unparsed := parse(data)
		require.Equal(t, err == nil, unparsed == nil)
		if err != nil {
			return
		}
		significant, err := Significant(data, data)
		require.NoError(t, err)
		if names := namesOf(p.Spec.EphemeralContainers); len(slices.Compact(slices.Sorted(slices.Values(names)))) == len(names) {
			require.False(t, significant, "nothing has changed")
		}
		if p.Spec.OS.Name != "windows" && !slices.ContainsFunc(p.Spec.Volumes, func(v volume) bool { return len(v) > 2 }) && len(loose) > 0 {
			require.NotEmpty(t, tight, "baseline refuses: %q", loose)
		}
	})
}

func namesOf(containers []container) (names []string) {
	for _, c := range containers {
		names = append(names, c.Name)
	}
	return names
}
