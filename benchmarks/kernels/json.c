/* Switches (br_table) over bytes: a generated JSON text is scanned, checked for form, and summed up. */
#include "kernel.h"

enum { kCapacity = 64 * 1024 };

static char text[kCapacity];

static uint32_t put(uint32_t at, const char* s) {
  while (*s) {
    text[at++] = *s++;
  }
  return at;
}

static uint32_t put_number(uint32_t at, uint32_t n) {
  char digits[10];
  int count = 0;
  do {
    digits[count++] = (char)('0' + n % 10);
    n /= 10;
  } while (n);
  while (count) {
    text[at++] = digits[--count];
  }
  return at;
}

/* An array of objects, about 60 KB. */
static uint32_t generate(void) {
  uint64_t state = 5;
  uint32_t at = put(0, "[\n");
  for (int i = 0; at < kCapacity - 256; i++) {
    uint64_t r = kernel_random(&state);
    at = put(at, i ? ",\n  {\"id\": " : "  {\"id\": ");
    at = put_number(at, (uint32_t)i);
    at = put(at, ", \"name\": \"item \\\"");
    at = put_number(at, (uint32_t)(r >> 40));
    at = put(at, "\\\"\", \"tags\": [");
    for (uint32_t t = 0; t < (r & 3); t++) {
      at = put(at, t ? ", -" : "-");
      at = put_number(at, (uint32_t)(r >> (8 * t)) & 1023);
    }
    at = put(at, r & 16 ? "], \"ok\": true, \"next\": null}" : "], \"ok\": false, \"next\": {}}");
  }
  return put(at, "\n]");
}

/* The sum over the whole text; all ones when a bracket, string or literal is malformed. */
static uint64_t scan(const char* p, const char* end) {
  char open[64];
  uint32_t depth = 0;
  uint64_t hash = 0, number = 0, length = 0;
  while (p < end) {
    char c = *p++;
    switch (c) {
      case ' ':
      case '\n':
      case '\t':
      case '\r':
        break;
      case '{':
      case '[':
        if (depth == sizeof open) {
          return ~UINT64_C(0);
        }
        open[depth++] = (char)(c + 2); /* the closing bracket of both kinds is two code points on */
        break;
      case '}':
      case ']':
        if (depth == 0 || open[--depth] != c) {
          return ~UINT64_C(0);
        }
        hash = kernel_mix(hash, depth);
        break;
      case ',':
      case ':':
        hash += (uint64_t)c;
        break;
      case '"':
        for (length = 0; p < end && *p != '"'; p++, length++) {
          switch (*p) {
            case '\\':
              if (++p == end) {
                return ~UINT64_C(0);
              }
              switch (*p) {
                case 'n':
                case 't':
                case '"':
                case '\\':
                case '/':
                  break;
                default:
                  return ~UINT64_C(0);
              }
              break;
            default:
              hash += (uint64_t)*p;
          }
        }
        if (p++ == end) {
          return ~UINT64_C(0);
        }
        hash = kernel_mix(hash, length);
        break;
      case 't':
      case 'n':
        p += 3;
        hash = kernel_mix(hash, (uint64_t)c);
        break;
      case 'f':
        p += 4;
        hash = kernel_mix(hash, 0);
        break;
      case '-':
      case '0':
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7':
      case '8':
      case '9':
        number = c == '-' ? 0 : (uint64_t)(c - '0');
        while (p < end && *p >= '0' && *p <= '9') {
          number = number * 10 + (uint64_t)(*p++ - '0');
        }
        hash = kernel_mix(hash, c == '-' ? ~number : number);
        break;
      default:
        return ~UINT64_C(0);
    }
  }
  return depth ? ~UINT64_C(0) : hash;
}

static uint64_t kernel_round(void) {
  static uint32_t size;
  if (!size) {
    size = generate();
  }
  uint64_t hash = 0;
  for (int i = 0; i < 10; i++) {
    hash = kernel_mix(hash, scan(text, text + kernel_opaque(size)));
  }
  return hash;
}

KERNEL_MAIN("json", 50, UINT64_C(0x1d3a4675914ef6ca))
