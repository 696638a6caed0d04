# SPDX-License-Identifier: MIT
# Warnings and sanitizers.

AC_DEFUN([ADIT_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [make warnings errors])],
  [adit_werror=$enableval], [adit_werror=no])
WARN_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wundef -Wvla -Wno-unused-parameter"
AS_IF([test "$adit_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([ADIT_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers=LIST], [build with the compiler's sanitizers, e.g. address,undefined or thread])],
  [adit_sanitizers=$enableval], [adit_sanitizers=])
AS_CASE([$adit_sanitizers], [no], [adit_sanitizers=], [yes], [adit_sanitizers=address,undefined])
SAN_CFLAGS=
AS_IF([test -n "$adit_sanitizers"],
  [SAN_CFLAGS="-fsanitize=$adit_sanitizers -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
   AC_DEFINE([ADIT_SANITIZED], [1], [Built with sanitizers])],
  [SAN_CFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong"])
AC_SUBST([SAN_CFLAGS])
AM_CONDITIONAL([SANITIZED], [test -n "$adit_sanitizers"])
])

dnl lwIP's source lies outside the tree: tools/lwip obtains it, and tells where it is.
AC_DEFUN([ADIT_LWIP], [
AC_ARG_WITH([lwip-source],
  [AS_HELP_STRING([--with-lwip-source=DIR], [lwIP 2.2.1 for the module stack-lwip @<:@where tools/lwip has put it@:>@])],
  [LWIP_SOURCE=$withval], [LWIP_SOURCE=`"$srcdir/tools/lwip" --where`])
AS_IF([test "$LWIP_SOURCE" = no], [LWIP_SOURCE=],
  [test -n "$LWIP_SOURCE" && test ! -f "$LWIP_SOURCE/src/core/tcp.c"],
  [AC_MSG_ERROR([--with-lwip-source: $LWIP_SOURCE holds no src/core/tcp.c: give the directory that holds lwIP's src/])])
AS_IF([test -z "$LWIP_SOURCE" && test "$with_lwip_source" != no],
  [AC_MSG_WARN([the module stack-lwip is left out, for there is no source of lwIP: run tools/lwip, which obtains it, or give --with-lwip-source=DIR])])
AC_SUBST([LWIP_SOURCE])
AM_CONDITIONAL([HAVE_LWIP], [test -n "$LWIP_SOURCE"])
])
