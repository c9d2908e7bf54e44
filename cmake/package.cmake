# The package: what `cmake --install` and `cpack` take (docs/embedding.md, "From an installed package").
#
#   libvesicle.a  libvesicle.so    all layers, of the objects that the layers' own libraries hold
#   include/vesicle                the headers that are the API: those that say
#                                  `#pragma GCC visibility push(default)`
#   cmake/Vesicle  pkgconfig       how a project finds them, wherever the tree stands
#   bin/vesicle                    the command, its man page and completions
#
# Components, each a Debian package: library (libvesicle0), dev (libvesicle-dev), command (vesicle).
# In versions 0.x each minor one may break what is built against it, and the soname is that of the
# package: 0.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE)
  # Where Debian's tools look, for /usr/local too.
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "object code libraries")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY VESICLE_IN_PACKAGE)
set(objects "")
foreach(layer ${layers})
  list(APPEND objects $<TARGET_OBJECTS:${layer}>)
endforeach()
# What the headers of the API themselves use is PUBLIC.
foreach(kind static shared)
  string(TOUPPER ${kind} KIND)
  add_library(vesicle_${kind} ${KIND} ${objects})
  add_dependencies(vesicle_${kind} ${layers})
  set_target_properties(vesicle_${kind} PROPERTIES OUTPUT_NAME vesicle EXPORT_NAME ${kind}
    LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(vesicle_${kind} INTERFACE cxx_std_20)
  target_include_directories(vesicle_${kind} INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/vesicle>)
  target_link_libraries(vesicle_${kind}
    PUBLIC absl::any_invocable absl::flat_hash_map absl::function_ref absl::status absl::statusor
           absl::strings PkgConfig::UV
    PRIVATE absl::cleanup absl::inlined_vector absl::str_format OpenSSL::SSL OpenSSL::Crypto gmp mpfr)
endforeach()
# No undefined symbols, and only the libraries that it needs.
target_link_options(vesicle_shared PRIVATE LINKER:-z,defs LINKER:--as-needed)

# --- the library
install(TARGETS vesicle_shared EXPORT VesicleTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS vesicle_static EXPORT VesicleTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
# `cmake --install --strip` and cpack leave archives as they are, with what debuggers want.
install(CODE "
  if(CMAKE_INSTALL_DO_STRIP)
    execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug --enable-deterministic-archives
      \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libvesicle.a\" COMMAND_ERROR_IS_FATAL ANY)
  endif()" COMPONENT dev)

# The headers are looked at when they are installed: which are of the API may have changed since.
install(CODE "
  set(sources \"${PROJECT_SOURCE_DIR}\")
  file(GLOB_RECURSE headers RELATIVE \"\${sources}\"
       \"\${sources}/vm/*.h\" \"\${sources}/membrane/*.h\" \"\${sources}/transport/*.h\")
  foreach(header IN LISTS headers)
    file(STRINGS \"\${sources}/\${header}\" mark REGEX \"^#pragma GCC visibility push\" LIMIT_COUNT 1)
    if(mark)
      get_filename_component(folder \${header} DIRECTORY)
      file(INSTALL \"\${sources}/\${header}\"
           DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/vesicle/\${folder}\")
    endif()
  endforeach()" COMPONENT dev)

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Vesicle)
install(EXPORT VesicleTargets NAMESPACE Vesicle:: DESTINATION ${config_folder} COMPONENT dev)
configure_package_config_file(cmake/VesicleConfig.cmake.in VesicleConfig.cmake
  INSTALL_DESTINATION ${config_folder} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(VesicleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/VesicleConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/VesicleConfigVersion.cmake
        DESTINATION ${config_folder} COMPONENT dev)

set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pc /${pkgconfig_folder} /)
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file(cmake/vesicle.pc.in vesicle.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vesicle.pc DESTINATION ${pkgconfig_folder} COMPONENT dev)

# --- the command
install(TARGETS vesicle RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
add_custom_command(OUTPUT vesicle.1.gz
  COMMAND gzip -9 -n -c ${PROJECT_SOURCE_DIR}/cli/man/vesicle.1 > vesicle.1.gz
  DEPENDS cli/man/vesicle.1 VERBATIM)
add_custom_target(vesicle_man ALL DEPENDS vesicle.1.gz)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vesicle.1.gz
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
install(FILES cli/completions/vesicle.bash RENAME vesicle
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT command)
install(FILES cli/completions/vesicle.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
# Where Debian's zsh looks is another place for /usr than for all the rest.
install(CODE "
  set(folder site-functions)
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    set(folder vendor-completions)
  endif()
  file(INSTALL \"${PROJECT_SOURCE_DIR}/cli/completions/_vesicle\"
       DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${folder}\")"
  COMPONENT command)

foreach(pair library:libvesicle${PROJECT_VERSION_MAJOR} dev:libvesicle-dev command:vesicle)
  string(REGEX MATCH "^[a-z]+" component ${pair})
  string(REGEX REPLACE "^[a-z]+:" "" package ${pair})
  install(FILES LICENSE RENAME copyright
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endforeach()

# --- Debian packages: cpack -G DEB
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME vesicle)
set(CPACK_PACKAGE_VENDOR Vesicle)
set(VESICLE_MAINTAINER "the Vesicle authors <vesicle@localhost>" CACHE STRING
    "who answers for packages: to be said by who gives them to others")
set(CPACK_PACKAGE_CONTACT "${VESICLE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL library dev command)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
    GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libvesicle${PROJECT_VERSION_MAJOR})
# Who is built against it wants this very version. The linker is told by a trigger, as Debian wants it; CPack
# adds scripts that tell it too.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/deb/shlibs "libvesicle ${PROJECT_VERSION_MAJOR} \
libvesicle${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION})\n")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/deb/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_BINARY_DIR}/deb/shlibs ${CMAKE_CURRENT_BINARY_DIR}/deb/triggers)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
    "capability-secure actor VM, shared library
An actor VM to embed in C++ programs: actors have what they are handed and
nothing else, turns are transactions, memory and time have budgets, and what
was handed out can be taken back. This package has the shared library.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libvesicle-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libvesicle${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}), \
libabsl-dev, libuv1-dev, libssl-dev, libgmp-dev, libmpfr-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION
    "capability-secure actor VM, for development
An actor VM to embed in C++ programs. This package has the headers, the
static library, and what CMake and pkg-config want to know.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME vesicle)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION interpreters)
set(CPACK_COMPONENT_COMMAND_DESCRIPTION
    "capability-secure actor VM, command
Runs, tests and draws programs of actors that have what they are handed and
nothing else. This package has the command, its manual and completions.")
include(CPack)
