# Headers of others that most files read, compiled once for each target: a third less to do where
# everything is built from nothing. The order in which a file includes hides nothing where this is
# off, as it is by default: .ci/run builds both ways.
function(vesicle_precompile folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(NOT type MATCHES "^(STATIC_LIBRARY|OBJECT_LIBRARY|EXECUTABLE)$")
      continue()
    endif()
    # For one or two files it would cost what it saves.
    get_target_property(sources ${target} SOURCES)
    list(LENGTH sources count)
    if(count GREATER 2)
      target_precompile_headers(${target} PRIVATE
        <algorithm> <cstdint> <functional> <map> <memory> <optional> <span> <string> <string_view>
        <utility> <vector> <absl/container/flat_hash_map.h> <absl/functional/any_invocable.h>
        <absl/status/statusor.h> <absl/strings/str_cat.h>)
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below ${folders})
    vesicle_precompile(${below})
  endforeach()
endfunction()
