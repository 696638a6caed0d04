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
