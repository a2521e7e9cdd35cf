// SPDX-License-Identifier: Apache-2.0
// Does not compile by itself, on purpose: the check of self-contained headers must find it.
#pragma once

inline std::string twice(const std::string& text) { return text + text; }
