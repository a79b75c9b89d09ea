int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
unsigned crc(const unsigned char* p, int n) {
  unsigned c = ~0u;
  while (n--) {
    c ^= *p++;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
  }
  return ~c;
}
