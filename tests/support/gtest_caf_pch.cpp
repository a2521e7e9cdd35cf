// SPDX-License-Identifier: Apache-2.0
// Carries the precompiled header of the actor tests (tests/support/CMakeLists.txt); has no code.
