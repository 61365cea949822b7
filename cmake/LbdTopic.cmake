# SPDX-License-Identifier: GPL-2.0-or-later
# lbd_topic(NAME [PURE file...] [PURE_LIBS lib...] [EDGE file...] [EDGE_LIBS lib...])
#
# A topic is a folder: a pure library (decides, no fd, no clock) named NAME, and, where it has files that
# touch the world (*_io.c), an edge library NAME_io on top of it. Library headers are SYSTEM and PRIVATE.
function(lbd_topic name)
	cmake_parse_arguments(T "" "" "PURE;PURE_LIBS;EDGE;EDGE_LIBS" ${ARGN})
	if(T_PURE)
		add_library(${name} STATIC ${T_PURE})
		target_link_libraries(${name} PRIVATE lbd_flags_pure PUBLIC ${T_PURE_LIBS})
		set_property(GLOBAL APPEND PROPERTY LBD_PURE_ARCHIVES ${name})
	endif()
	if(T_EDGE)
		add_library(${name}_io STATIC ${T_EDGE})
		target_link_libraries(${name}_io PRIVATE lbd_flags PUBLIC ${T_EDGE_LIBS})
		if(T_PURE)
			target_link_libraries(${name}_io PUBLIC ${name})
		endif()
	endif()
endfunction()
