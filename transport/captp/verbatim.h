// Bytes that were received and go on as they are: a location, a signed certificate.
//
//   WriteVerbatim(give.exporter_bytes, out);
#ifndef VESICLE_TRANSPORT_CAPTP_VERBATIM_H_
#define VESICLE_TRANSPORT_CAPTP_VERBATIM_H_

#include <string_view>

#include "transport/syrup/writer.h"

namespace vesicle {

// Wants one value of Syrup: bytes that a Reader took. Counted for the Writer's limits as what it
// is.
void WriteVerbatim(std::string_view encoded, syrup::Writer& out);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_CAPTP_VERBATIM_H_
