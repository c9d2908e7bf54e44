// An integer of GMP's own, by its other interface, as the judge.
#ifndef VESICLE_TESTS_VM_VALUE_JUDGE_H_
#define VESICLE_TESTS_VM_VALUE_JUDGE_H_

#include <gmp.h>

#include <cstdlib>
#include <string>

namespace vesicle::testing {

struct Judge {
  mpz_t z;
  Judge() { mpz_init(z); }
  explicit Judge(const std::string& digits) { mpz_init_set_str(z, digits.c_str(), 10); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  ~Judge() { mpz_clear(z); }
  std::string Text(int base = 10) const {
    char* s = mpz_get_str(nullptr, base, z);
    std::string result = s;
    std::free(s);
    return result;
  }
};

}  // namespace vesicle::testing

#endif  // VESICLE_TESTS_VM_VALUE_JUDGE_H_
