// SPDX-License-Identifier: Apache-2.0
// Carries the precompiled header of the actor libraries (actors/CMakeLists.txt); has no code.
