# SPDX-License-Identifier: MIT
# module.mk - builds a folder that holds one module, with the installed SDK and GNU make alone
#
# The folder's Makefile says:
#	NAME = handler-foo
#	include $(shell pkg-config --variable=makefile adit-module)
# Every .c file of the folder belongs to the module; module.json becomes its descriptor.
#
# make          NAME.so and NAME.json, in $(B) if set, else here
# make check    proves that NAME.so exports adit_module_1 and nothing else
# make install  into the host's module folder; DESTDIR and moduledir are heeded
# make clean
#
# May be set: VERSION (for @VERSION@ in module.json), CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS, B, PKG_CONFIG.

ifndef NAME
$(error NAME is not set: write NAME = handler-foo, or the like, before the include line)
endif

PKG_CONFIG ?= pkg-config
VERSION ?= 0.1.0
B ?= .
CFLAGS ?= -O2 -g -Wall -Wextra -Wno-unused-parameter

sdk = $(shell $(PKG_CONFIG) --variable=$(1) adit-module)
descriptor := $(call sdk,descriptor)
target := $(call sdk,target)
moduledir ?= $(call sdk,moduledir)
sdk_cflags := $(shell $(PKG_CONFIG) --cflags adit-module)

sources := $(wildcard *.c)
objects := $(sources:%.c=$(B)/%.o)
header := $(B)/$(NAME)-descriptor.h
compile = $(CC) -std=gnu11 -fno-keep-static-consts -fPIC -fvisibility=hidden $(sdk_cflags) -include $(header) $(CPPFLAGS) $(CFLAGS)
link = $(CC) -shared $(CFLAGS) -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,noexecstack \
	-Wl,--exclude-libs,ALL $(LDFLAGS)

.DEFAULT_GOAL := all
.PHONY: all check install clean
all: $(B)/$(NAME).so $(B)/$(NAME).json

$(header): module.json
	@mkdir -p $(B)
	sh $(descriptor) module.json '$(VERSION)' '$(target)' >$@.new && mv $@.new $@

$(B)/$(NAME).json: module.json
	@mkdir -p $(B)
	sh $(descriptor) --json module.json '$(VERSION)' '$(target)' >$@.new && mv $@.new $@

$(B)/%.o: %.c $(header)
	$(compile) -MMD -c -o $@ $<

$(B)/$(NAME).so: $(objects)
	$(link) -o $@ $(objects) $(LDLIBS)

check: all
	@exports=$$(nm -D --defined-only $(B)/$(NAME).so | sed 's/.* //'); \
	if [ "$$exports" != adit_module_1 ]; then \
		echo "$(B)/$(NAME).so must export adit_module_1 alone, but exports: $$exports" >&2; exit 1; \
	fi
	@echo "$(B)/$(NAME).so exports adit_module_1 alone"

install: all
	mkdir -p '$(DESTDIR)$(moduledir)'
	install -m 755 $(B)/$(NAME).so '$(DESTDIR)$(moduledir)/.$(NAME).so.new'
	mv -f '$(DESTDIR)$(moduledir)/.$(NAME).so.new' '$(DESTDIR)$(moduledir)/$(NAME).so'
	install -m 644 $(B)/$(NAME).json '$(DESTDIR)$(moduledir)/$(NAME).json'

clean:
	rm -f $(objects) $(objects:.o=.d) $(header) $(B)/$(NAME).so $(B)/$(NAME).json

-include $(objects:.o=.d)
