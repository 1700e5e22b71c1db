#include "machine/evidence.h"

#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "machine/vendor_text.h"

namespace minnow::machine {
namespace {

std::vector<PciDevice> nvidia_on_pci() {
  std::vector<PciDevice> found;
  const std::string folder = rooted("/sys/bus/pci/devices");
  for (const std::string& address : names_in(folder)) {
    const std::string device = cat(folder, "/", address, "/");
    if (!read_system_file(device + "vendor").starts_with("0x10de")) continue;
    if (!read_system_file(device + "class").starts_with("0x03")) continue;  // display controllers
    const std::string text = read_system_file(device + "device");
    const std::string_view id = trimmed(text);
    found.push_back(
        {.address = address, .device = std::string(id.substr(id.starts_with("0x") ? 2 : 0))});
  }
  return found;
}

std::string field(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = text.substr(at + name.size());
  return std::string(trimmed(rest.substr(0, rest.find('\n'))));
}

std::vector<ModuleGpu> listed_by_module() {
  std::vector<ModuleGpu> found;
  const std::string folder = rooted("/proc/driver/nvidia/gpus");
  for (const std::string& address : names_in(folder)) {
    const std::string text = read_system_file(cat(folder, "/", address, "/information"));
    found.push_back(
        {.address = address, .model = field(text, "Model:"), .uuid = field(text, "GPU UUID:")});
  }
  return found;
}

std::string rights_text(const struct stat& status) {
  std::string text(1, S_ISCHR(status.st_mode) ? 'c' : '-');
  constexpr char kLetters[] = "rwxrwxrwx";
  for (unsigned bit = 0; bit < 9; ++bit) {
    text += (status.st_mode & (0400U >> bit)) != 0 ? kLetters[bit] : '-';
  }
  return cat(text, " ", status.st_uid, ":", status.st_gid);
}

std::vector<DeviceNode> device_nodes() {
  std::vector<std::uint32_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  if (getgroups(static_cast<int>(groups.size()), groups.data()) < 0) groups.clear();
  groups.push_back(getegid());
  std::vector<DeviceNode> found;
  for (const std::string& name : names_in(rooted("/dev"))) {
    struct stat status {};
    const std::string path = "/dev/" + name;
    // nvidia-caps is a folder, nvidia-modeset and nvidia-nvswitch are not needed for computing.
    const bool counts = name == "nvidiactl" || name == "nvidia-uvm" ||
                        (name.starts_with("nvidia") && name.size() > 6 &&
                         name.find_first_not_of("0123456789", 6) == std::string::npos);
    if (!counts || stat(rooted(path).c_str(), &status) != 0) continue;
    found.push_back(
        {.path = path,
         .permitted = may_use(status.st_mode, status.st_uid, status.st_gid, geteuid(), groups),
         .rights = rights_text(status)});
  }
  return found;
}

std::string container_sign() {
  for (const char* file : {"/.dockerenv", "/run/.containerenv"}) {
    if (exists(rooted(file))) return cat(file, " exists");
  }
  const std::string groups = read_system_file(rooted("/proc/1/cgroup"));
  for (const char* name : {"docker", "kubepods", "containerd", "libpod", "lxc"}) {
    if (groups.find(name) != std::string::npos) return cat("/proc/1/cgroup names ", name);
  }
  return "";
}

}  // namespace

bool may_use(std::uint32_t mode, std::uint32_t owner, std::uint32_t group, std::uint32_t user,
             const std::vector<std::uint32_t>& groups) {
  const auto both = [mode](unsigned shift) { return (mode >> shift & 06U) == 06U; };
  if (user == 0) return true;
  if (user == owner) return both(6);
  if (std::find(groups.begin(), groups.end(), group) != groups.end()) return both(3);
  return both(0);
}

const DeviceNode* Evidence::node(const std::string& path) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const DeviceNode& node) { return node.path == path; });
  return found == nodes.end() ? nullptr : &*found;
}

bool Evidence::on_library_path(const std::string& folder) const {
  return !folder.empty() &&
         cat(":", library_path, ":").find(cat(":", folder, ":")) != std::string::npos;
}

std::string Evidence::hardware_text() const {
  std::string text;
  if (pci.empty()) {
    text = "PCI shows no NVIDIA device";
  } else {
    text = pci.size() == 1 ? "PCI shows NVIDIA device "
                           : cat("PCI shows ", pci.size(), " NVIDIA devices, the first ");
    text += cat(pci[0].address, " (10de:", pci[0].device, ")");
  }
  if (dxg) return text + "; /dev/dxg exists";
  return nodes.empty() && pci.empty() ? text + "; no /dev/nvidia* device nodes" : text;
}

Evidence look_at_machine() {
  Evidence evidence;
  evidence.pci = nvidia_on_pci();
  evidence.gpus = listed_by_module();
  evidence.nodes = device_nodes();
  evidence.kernel_module = first_version(read_system_file(rooted("/proc/driver/nvidia/version")));
  evidence.dxg = exists(rooted("/dev/dxg"));
  evidence.wsl = evidence.dxg ||
                 read_system_file(rooted("/proc/version")).find("icrosoft") != std::string::npos;
  evidence.container = container_sign();
  evidence.visible_devices = environment("CUDA_VISIBLE_DEVICES");
  evidence.nvidia_visible_devices = setting("NVIDIA_VISIBLE_DEVICES");
  evidence.library_path = setting("LD_LIBRARY_PATH");
  return evidence;
}

}  // namespace minnow::machine
