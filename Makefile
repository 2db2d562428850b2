# mtalab: a wind tunnel for e-mail delivery. `make help` lists the targets.
FLAVOUR ?= release
B       := build/$(FLAVOUR)

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Wundef \
           -Wvla -Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
           -Wno-unused-parameter
debug   := -Og -g3 -fsanitize=address,undefined -fno-sanitize-recover=all
release := -O2 -g
CFLAGS   += -std=c17 -ffp-contract=off $(WARN) $($(FLAVOUR))
CPPFLAGS += -D_GNU_SOURCE -I. -Imta

LIBRARY := $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard mta/*.c mta/*/*.c fakeisp/*.c \
             scenarios/*.c reports/*.c)))

all: $(LIBRARY)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(LIBRARY:.o=.d)

.PHONY: all
