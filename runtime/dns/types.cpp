// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/types.hpp"

#include "runtime/base/ascii.hpp"

#include <array>
#include <utility>

namespace stagedoor::dns {
namespace {

using named = std::pair<std::uint16_t, std::string_view>;

// IANA "Resource Record (RR) TYPEs", without those that were never deployed.
constexpr std::array type_names{
    named{1, "A"},           named{2, "NS"},       named{3, "MD"},          named{4, "MF"},
    named{5, "CNAME"},       named{6, "SOA"},      named{7, "MB"},          named{8, "MG"},
    named{9, "MR"},          named{10, "NULL"},    named{11, "WKS"},        named{12, "PTR"},
    named{13, "HINFO"},      named{14, "MINFO"},   named{15, "MX"},         named{16, "TXT"},
    named{17, "RP"},         named{18, "AFSDB"},   named{19, "X25"},        named{20, "ISDN"},
    named{21, "RT"},         named{22, "NSAP"},    named{24, "SIG"},        named{25, "KEY"},
    named{26, "PX"},         named{27, "GPOS"},    named{28, "AAAA"},       named{29, "LOC"},
    named{30, "NXT"},        named{33, "SRV"},     named{35, "NAPTR"},      named{36, "KX"},
    named{37, "CERT"},       named{39, "DNAME"},   named{41, "OPT"},        named{42, "APL"},
    named{43, "DS"},         named{44, "SSHFP"},   named{45, "IPSECKEY"},   named{46, "RRSIG"},
    named{47, "NSEC"},       named{48, "DNSKEY"},  named{49, "DHCID"},      named{50, "NSEC3"},
    named{51, "NSEC3PARAM"}, named{52, "TLSA"},    named{53, "SMIMEA"},     named{55, "HIP"},
    named{59, "CDS"},        named{60, "CDNSKEY"}, named{61, "OPENPGPKEY"}, named{62, "CSYNC"},
    named{63, "ZONEMD"},     named{64, "SVCB"},    named{65, "HTTPS"},      named{99, "SPF"},
    named{104, "NID"},       named{105, "L32"},    named{106, "L64"},       named{107, "LP"},
    named{108, "EUI48"},     named{109, "EUI64"},  named{249, "TKEY"},      named{250, "TSIG"},
    named{251, "IXFR"},      named{252, "AXFR"},   named{253, "MAILB"},     named{254, "MAILA"},
    named{255, "ANY"},       named{256, "URI"},    named{257, "CAA"},       named{32769, "DLV"},
};

constexpr std::array class_names{named{1, "IN"}, named{3, "CH"}, named{4, "HS"}, named{254, "NONE"},
                                 named{255, "ANY"}};

constexpr std::array rcode_names{named{0, "NOERROR"},  named{1, "FORMERR"},  named{2, "SERVFAIL"},
                                 named{3, "NXDOMAIN"}, named{4, "NOTIMP"},   named{5, "REFUSED"},
                                 named{6, "YXDOMAIN"}, named{7, "YXRRSET"},  named{8, "NXRRSET"},
                                 named{9, "NOTAUTH"},  named{10, "NOTZONE"}, named{16, "BADVERS"}};

template <class Table>
std::string name_in(const Table& table, std::uint16_t value, std::string_view prefix) {
  for (const auto& [number, text] : table)
    if (number == value) return std::string(text);
  return std::string(prefix) + std::to_string(value);
}

}  // namespace

std::string type_name(std::uint16_t t) { return name_in(type_names, t, "TYPE"); }
std::string class_name(std::uint16_t c) { return name_in(class_names, c, "CLASS"); }
std::string rcode_name(std::uint16_t r) { return name_in(rcode_names, r, "RCODE"); }

std::optional<std::uint16_t> parse_type(std::string_view text) {
  for (const auto& [number, name] : type_names)
    if (ascii::iequals(name, text)) return number;
  if (text.size() > 4 && ascii::iequals(text.substr(0, 4), "TYPE"))
    return ascii::parse_number<std::uint16_t>(text.substr(4));
  return std::nullopt;
}

}  // namespace stagedoor::dns
