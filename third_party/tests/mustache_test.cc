#include <kainjow/mustache.hpp>

#include "gtest/gtest.h"

namespace {

TEST(Mustache, EscapesWhatItFillsIn) {
  kainjow::mustache::mustache page("<b title='{{x}}'>{{x}}</b>");
  EXPECT_EQ(page.render({"x", R"(<a href="'&">)"}),
            "<b title='&lt;a href=&quot;&apos;&amp;&quot;&gt;'>"
            "&lt;a href=&quot;&apos;&amp;&quot;&gt;</b>");
}

}  // namespace
