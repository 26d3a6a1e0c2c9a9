// All of isogram's C++ API.
#pragma once

#include "isogram/arithmetic.hpp"
#include "isogram/center.hpp"
#include "isogram/cka.hpp"
#include "isogram/communities.hpp"
#include "isogram/compare.hpp"
#include "isogram/error.hpp"
#include "isogram/gbs.hpp"
#include "isogram/gram.hpp"
#include "isogram/graph.hpp"
#include "isogram/jsd.hpp"
#include "isogram/match.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/rsm.hpp"
#include "isogram/simd.hpp"
#include "isogram/version.hpp"
