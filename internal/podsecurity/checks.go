package podsecurity

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What the rules allow.
var (
	defaultCapabilities = []string{
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
		"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
	}
	seLinuxTypes = []string{"container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
	safeSysctls  = []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
		"net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
		"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem",
		"net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
	}
	confining      = []string{"RuntimeDefault", "Localhost"} // profiles of AppArmor and seccomp
	allowedVolumes = []string{
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
		"projected", "secret",
	}
)

// forbiddenVolumes are all other kinds of volumes.
var forbiddenVolumes = []string{
	"hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs",
	"rbd", "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte",
	"azureDisk", "portworxVolume", "photonPersistentDisk", "scaleIO", "storageos",
}

// unlessWindows exempts pods of Windows, which does not have what the rule is about.
func unlessWindows(broken func(pod) []string) func(pod) []string {
	return func(p pod) []string {
		if p.Spec.OS.Name == "windows" {
			return nil
		}
		return broken(p)
	}
}

// unlessUserNamespace exempts pods in a user namespace, whose root user has no rights on the node.
func unlessUserNamespace(broken func(pod) []string) func(pod) []string {
	return func(p pod) []string {
		if p.Spec.HostUsers != nil && !*p.Spec.HostUsers {
			return nil
		}
		return broken(p)
	}
}

// byContainers returns the containers that break a rule. The function wrong returns what is wrong
// with a container, or "".
func (p pod) byContainers(wrong func(container) string) (by []string) {
	for _, c := range p.Spec.containers() {
		if what := wrong(c); what != "" {
			by = append(by, fmt.Sprintf("container %q: %s", c.Name, what))
		}
	}
	return by
}

// byAll is like byContainers, and also checks the security context of the pod itself.
func (p pod) byAll(wrong func(security) string) (by []string) {
	if what := wrong(p.Spec.Security); what != "" {
		by = append(by, "pod: "+what)
	}
	return append(by, p.byContainers(func(c container) string { return wrong(c.Security) })...)
}

// when returns the text if the condition holds, and "" otherwise.
func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// notIn returns the names that are not allowed. They are quoted, since a name may be empty.
func notIn(allowed, all []string) string {
	var others []string
	for _, one := range all {
		if !slices.Contains(allowed, one) {
			others = append(others, strconv.Quote(one))
		}
	}
	return strings.Join(others, ", ")
}

// Rules of baseline and restricted.

func hostNamespaces(p pod) (by []string) {
	for _, ns := range []struct {
		name string
		set  bool
	}{
		{"hostNetwork", p.Spec.HostNetwork}, {"hostPID", p.Spec.HostPID}, {"hostIPC", p.Spec.HostIPC},
	} {
		if ns.set {
			by = append(by, ns.name)
		}
	}
	return by
}

func privileged(p pod) []string {
	return p.byContainers(func(c container) string { return when(c.Security.Privileged, "privileged") })
}

func hostPorts(p pod) []string {
	return p.byContainers(func(c container) string {
		var ports []string
		for _, port := range c.Ports {
			if port.HostPort != 0 {
				ports = append(ports, strconv.Itoa(int(port.HostPort)))
			}
		}
		return strings.Join(ports, ", ")
	})
}

func handlerHosts(p pod) []string {
	return p.byContainers(func(c container) string {
		var hosts []string
		for _, h := range c.handlers() {
			hosts = append(hosts, h.HTTPGet.Host, h.TCPSocket.Host)
		}
		return notIn([]string{""}, hosts)
	})
}

// unconfining returns the type of a profile that does not confine, or "".
func unconfining(p *profile) string {
	if p == nil || slices.Contains(confining, p.Type) {
		return ""
	}
	return "type " + strconv.Quote(p.Type)
}

// appArmorProfiles also reads the deprecated annotations.
func appArmorProfiles(p pod) []string {
	by := p.byAll(func(s security) string { return unconfining(s.AppArmorProfile) })
	for _, key := range slices.Sorted(maps.Keys(p.Metadata.Annotations)) {
		value := p.Metadata.Annotations[key]
		isProfile := strings.HasPrefix(key, "container.apparmor.security.beta.kubernetes.io/")
		confines := value == "" || value == "runtime/default" || strings.HasPrefix(value, "localhost/")
		if isProfile && !confines {
			by = append(by, fmt.Sprintf("annotation %s: %q", key, value))
		}
	}
	return by
}

func seLinuxOptions(p pod) []string {
	return p.byAll(func(s security) string {
		var set []string
		for _, option := range []struct {
			name, value string
			allowed     []string
		}{
			{"type", s.SELinuxOptions.Type, seLinuxTypes},
			{"user", s.SELinuxOptions.User, nil},
			{"role", s.SELinuxOptions.Role, nil},
		} {
			if option.value != "" && !slices.Contains(option.allowed, option.value) {
				set = append(set, option.name+" "+strconv.Quote(option.value))
			}
		}
		return strings.Join(set, ", ")
	})
}

func sysctls(p pod) (by []string) {
	for _, s := range p.Spec.Security.Sysctls {
		if !slices.Contains(safeSysctls, s.Name) {
			by = append(by, strconv.Quote(s.Name))
		}
	}
	return by
}

func hostProcesses(p pod) []string {
	return p.byAll(func(s security) string { return when(s.WindowsOptions.HostProcess, "hostProcess") })
}

// Rules that differ between the levels.

// addedCapabilities returns the rule that a container adds only these capabilities.
func addedCapabilities(allowed []string) func(pod) []string {
	return func(p pod) []string {
		return p.byContainers(func(c container) string {
			return notIn(allowed, c.Security.Capabilities.Add)
		})
	}
}

func keptCapabilities(p pod) []string {
	return p.byContainers(func(c container) string {
		return when(!slices.Contains(c.Security.Capabilities.Drop, "ALL"), "not all dropped")
	})
}

func (v volume) String() string {
	name, _ := v["name"].(string)
	return "volume " + strconv.Quote(name)
}

func hostPaths(p pod) (by []string) {
	for _, v := range p.Spec.Volumes {
		if v["hostPath"] != nil {
			by = append(by, v.String())
		}
	}
	return by
}

func volumes(p pod) (by []string) {
	for _, v := range p.Spec.Volumes {
		is := func(kind string) bool { return v[kind] != nil }
		i := slices.IndexFunc(forbiddenVolumes, is)
		if i >= 0 && !slices.ContainsFunc(allowedVolumes, is) {
			by = append(by, v.String()+": "+forbiddenVolumes[i])
		}
	}
	return by
}

func procMounts(p pod) []string {
	return p.byContainers(func(c container) string {
		mount := c.Security.ProcMount
		if mount == nil || *mount == "Default" {
			return ""
		}
		return strconv.Quote(*mount)
	})
}

func seccompProfiles(p pod) []string {
	return p.byAll(func(s security) string { return unconfining(s.SeccompProfile) })
}

func missingSeccompProfiles(p pod) []string {
	if all := p.Spec.Security.SeccompProfile; all != nil && slices.Contains(confining, all.Type) {
		return nil
	}
	return p.byContainers(func(c container) string { return when(c.Security.SeccompProfile == nil, "none") })
}

// Rules of restricted only.

func escalations(p pod) []string {
	return p.byContainers(func(c container) string {
		allow := c.Security.AllowPrivilegeEscalation
		return when(allow == nil || *allow, "allowPrivilegeEscalation != false")
	})
}

func rootUsers(p pod) []string {
	return p.byAll(func(s security) string {
		return when(s.RunAsNonRoot != nil && !*s.RunAsNonRoot, "runAsNonRoot=false")
	})
}

func possibleRootUsers(p pod) []string {
	if nonRoot := p.Spec.Security.RunAsNonRoot; nonRoot != nil && *nonRoot {
		return nil
	}
	return p.byContainers(func(c container) string {
		return when(c.Security.RunAsNonRoot == nil, "runAsNonRoot != true")
	})
}

func zeroUsers(p pod) []string {
	return p.byAll(func(s security) string { return when(s.RunAsUser != nil && *s.RunAsUser == 0, "runAsUser=0") })
}
