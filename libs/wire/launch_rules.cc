#include "libs/wire/launch_rules.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/wire/durations.h"
#include "libs/wire/limits.h"

namespace meros::wire {
namespace {

constexpr uint32_t kMaxPort = 65'535;

absl::Status CheckPort(uint32_t port, const FieldPath& path) {
  if (port <= kMaxPort) return absl::OkStatus();
  return path.Fault("must be at most ", kMaxPort, ", got ", port);
}

absl::Status CheckHttpPath(bool is_set, const std::string& value, const FieldPath& path) {
  if (!is_set || absl::StartsWith(value, "/")) return absl::OkStatus();
  return path.Fault("must start with '/'");
}

absl::Status CheckVariable(const v1::Environment::Variable& variable, const FieldPath& path) {
  using Variable = v1::Environment::Variable;
  const FieldPath name = path.Field("name");
  MEROS_RETURN_IF_ERROR(CheckText(variable.name(), kMaxArgumentBytes, name));
  if (variable.name().empty()) return name.Fault("must not be empty");
  if (absl::StrContains(variable.name(), '=')) return name.Fault("must not contain '='");
  switch (variable.type()) {
    case Variable::VALUE:
      if (variable.has_secret()) return path.Fault("of type VALUE must not have a secret");
      if (!variable.has_value()) return path.Fault("of type VALUE must have a value");
      return CheckText(variable.value(), kMaxArgumentBytes, path.Field("value"));
    case Variable::SECRET: {
      if (variable.has_value()) return path.Fault("of type SECRET must not have a value");
      if (!variable.has_secret()) return path.Fault("of type SECRET must have a secret");
      const FieldPath secret = path.Field("secret");
      MEROS_RETURN_IF_ERROR(CheckSecret(variable.secret(), secret));
      return CheckText(variable.secret().value().data(), kMaxArgumentBytes,
                       secret.Field("value").Field("data"));
    }
    case Variable::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be VALUE or SECRET");
}

absl::Status CheckVolumeSource(const v1::Volume::Source& source, const FieldPath& path) {
  using Source = v1::Volume::Source;
  const auto need = [&](bool has, absl::string_view member) {
    return has ? absl::OkStatus() : path.Field(member).Fault("must be set");
  };
  switch (source.type()) {
    case Source::DOCKER_VOLUME: return need(source.has_docker_volume(), "docker_volume");
    case Source::HOST_PATH: return need(source.has_host_path(), "host_path");
    case Source::SANDBOX_PATH: return need(source.has_sandbox_path(), "sandbox_path");
    case Source::SECRET:
      MEROS_RETURN_IF_ERROR(need(source.has_secret(), "secret"));
      return CheckSecret(source.secret(), path.Field("secret"));
    case Source::CSI_VOLUME:
      MEROS_RETURN_IF_ERROR(need(source.has_csi_volume(), "csi_volume"));
      return source.csi_volume().has_static_provisioning()
                 ? absl::OkStatus()
                 : path.Field("csi_volume").Field("static_provisioning").Fault("must be set");
    case Source::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be a known type");
}

absl::Status CheckVolume(const v1::Volume& volume, const FieldPath& path) {
  const int sources = (volume.has_host_path() ? 1 : 0) + (volume.has_image() ? 1 : 0) +
                      (volume.has_source() ? 1 : 0);
  if (sources != 1) {
    return path.Fault("must have exactly one of host_path, image and source, has ", sources);
  }
  if (volume.container_path().empty()) {
    return path.Field("container_path").Fault("must not be empty");
  }
  MEROS_RETURN_IF_ERROR(
      CheckText(volume.container_path(), kMaxNameBytes, path.Field("container_path")));
  MEROS_RETURN_IF_ERROR(CheckText(volume.host_path(), kMaxNameBytes, path.Field("host_path")));
  return volume.has_source() ? CheckVolumeSource(volume.source(), path.Field("source"))
                             : absl::OkStatus();
}

// What checks and health checks have in common.
template <typename Check>
absl::Status CheckTimes(const Check& check, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(
      CheckNotNegativeSeconds(check.delay_seconds(), path.Field("delay_seconds")));
  MEROS_RETURN_IF_ERROR(
      CheckNotNegativeSeconds(check.interval_seconds(), path.Field("interval_seconds")));
  return CheckNotNegativeSeconds(check.timeout_seconds(), path.Field("timeout_seconds"));
}

absl::Status CheckCheckCommand(bool is_set, const v1::CommandInfo& command, const FieldPath& path) {
  if (!is_set) return path.Fault("must be set");
  if (!command.has_value()) return path.Field("value").Fault("must be set");
  return CheckCommand(command, path);
}

absl::Status CheckHttpHealth(const v1::HealthCheck& check, const FieldPath& path) {
  const FieldPath http = path.Field("http");
  if (!check.has_http()) return http.Fault("must be set");
  const std::string& scheme = check.http().scheme();
  if (check.http().has_scheme() && scheme != "http" && scheme != "https") {
    return http.Field("scheme").Fault("must be 'http' or 'https'");
  }
  MEROS_RETURN_IF_ERROR(CheckPort(check.http().port(), http.Field("port")));
  return CheckHttpPath(check.http().has_path(), check.http().path(), http.Field("path"));
}

}  // namespace

absl::Status CheckIdText(absl::string_view value, const FieldPath& path) {
  return path.Annotate(ValidateId(value));
}

absl::Status CheckText(absl::string_view text, size_t max, const FieldPath& path) {
  if (text.size() > max) {
    return path.Fault("must be at most ", max, " bytes, got ", text.size());
  }
  if (absl::StrContains(text, '\0')) return path.Fault("must not contain NUL bytes");
  return absl::OkStatus();
}

absl::Status CheckCount(int count, int max, const FieldPath& path) {
  if (count <= max) return absl::OkStatus();
  return path.Fault("must have at most ", max, " entries, got ", count);
}

absl::Status CheckLabels(const v1::Labels& labels, const FieldPath& path) {
  return CheckCount(labels.labels_size(), kMaxLabels, path.Field("labels"));
}

absl::Status CheckSecret(const v1::Secret& secret, const FieldPath& path) {
  switch (secret.type()) {
    case v1::Secret::REFERENCE:
      if (!secret.has_reference()) return path.Field("reference").Fault("must be set");
      if (secret.has_value()) return path.Fault("of type REFERENCE must not have a value");
      return absl::OkStatus();
    case v1::Secret::VALUE:
      if (!secret.has_value()) return path.Field("value").Fault("must be set");
      if (secret.has_reference()) return path.Fault("of type VALUE must not have a reference");
      return absl::OkStatus();
    case v1::Secret::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be REFERENCE or VALUE");
}

absl::Status CheckEnvironment(const v1::Environment& environment, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(
      CheckCount(environment.variables_size(), kMaxEnvironmentVariables, path.Field("variables")));
  for (int i = 0; i < environment.variables_size(); ++i) {
    MEROS_RETURN_IF_ERROR(CheckVariable(environment.variables(i), path.Item("variables", i)));
  }
  return absl::OkStatus();
}

absl::Status CheckCommand(const v1::CommandInfo& command, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckEnvironment(command.environment(), path.Field("environment")));
  if (command.shell() && !command.has_value()) {
    return path.Field("value").Fault("must be set when shell is true");
  }
  MEROS_RETURN_IF_ERROR(CheckText(command.value(), kMaxArgumentBytes, path.Field("value")));
  MEROS_RETURN_IF_ERROR(CheckText(command.user(), kMaxNameBytes, path.Field("user")));
  MEROS_RETURN_IF_ERROR(
      CheckCount(command.arguments_size(), kMaxArguments, path.Field("arguments")));
  for (int i = 0; i < command.arguments_size(); ++i) {
    MEROS_RETURN_IF_ERROR(
        CheckText(command.arguments(i), kMaxArgumentBytes, path.Item("arguments", i)));
  }
  MEROS_RETURN_IF_ERROR(CheckCount(command.uris_size(), kMaxUris, path.Field("uris")));
  for (int i = 0; i < command.uris_size(); ++i) {
    const FieldPath uri = path.Item("uris", i);
    MEROS_RETURN_IF_ERROR(
        CheckText(command.uris(i).value(), kMaxArgumentBytes, uri.Field("value")));
    if (command.uris(i).value().empty()) return uri.Field("value").Fault("must not be empty");
  }
  return absl::OkStatus();
}

absl::Status CheckContainer(const v1::ContainerInfo& container, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckCount(container.volumes_size(), kMaxVolumes, path.Field("volumes")));
  for (int i = 0; i < container.volumes_size(); ++i) {
    MEROS_RETURN_IF_ERROR(CheckVolume(container.volumes(i), path.Item("volumes", i)));
  }
  if (container.type() != v1::ContainerInfo::DOCKER) return absl::OkStatus();
  const FieldPath docker = path.Field("docker");
  if (!container.has_docker()) return docker.Fault("must be set for type DOCKER");
  for (int i = 0; i < container.docker().parameters_size(); ++i) {
    if (container.docker().parameters(i).key() == "name") {
      return docker.Item("parameters", i).Fault("must not be 'name'");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCheck(const v1::CheckInfo& check, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckTimes(check, path));
  switch (check.type()) {
    case v1::CheckInfo::COMMAND:
      if (!check.has_command()) return path.Field("command").Fault("must be set");
      return CheckCheckCommand(check.command().has_command(), check.command().command(),
                               path.Field("command").Field("command"));
    case v1::CheckInfo::HTTP: {
      const FieldPath http = path.Field("http");
      if (!check.has_http()) return http.Fault("must be set");
      MEROS_RETURN_IF_ERROR(CheckPort(check.http().port(), http.Field("port")));
      return CheckHttpPath(check.http().has_path(), check.http().path(), http.Field("path"));
    }
    case v1::CheckInfo::TCP:
      if (!check.has_tcp()) return path.Field("tcp").Fault("must be set");
      return CheckPort(check.tcp().port(), path.Field("tcp").Field("port"));
    case v1::CheckInfo::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be COMMAND, HTTP or TCP");
}

v1::HealthCheck::Type HealthCheckType(const v1::HealthCheck& check) {
  if (check.has_type()) return check.type();
  if (check.has_command()) return v1::HealthCheck::COMMAND;
  if (check.has_http()) return v1::HealthCheck::HTTP;
  return v1::HealthCheck::UNKNOWN;
}

absl::Status CheckHealthCheck(const v1::HealthCheck& check, const FieldPath& path) {
  MEROS_RETURN_IF_ERROR(CheckTimes(check, path));
  MEROS_RETURN_IF_ERROR(
      CheckNotNegativeSeconds(check.grace_period_seconds(), path.Field("grace_period_seconds")));
  switch (HealthCheckType(check)) {
    case v1::HealthCheck::COMMAND:
      return CheckCheckCommand(check.has_command(), check.command(), path.Field("command"));
    case v1::HealthCheck::HTTP: return CheckHttpHealth(check, path);
    case v1::HealthCheck::TCP:
      if (!check.has_tcp()) return path.Field("tcp").Fault("must be set");
      return CheckPort(check.tcp().port(), path.Field("tcp").Field("port"));
    case v1::HealthCheck::UNKNOWN: break;
  }
  return path.Field("type").Fault("must be COMMAND, HTTP or TCP");
}

}  // namespace meros::wire
