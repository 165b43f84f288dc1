using System.Text;
using DatasetCache.Datasets;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class PathOrderTests
{
    [Fact]
    public void It_is_the_order_of_lists_of_parts_by_code_point()
    {
        var pieces = Gen.Elements("a", "b", "-", ".", "!", " ", "0", "/", "/", "é", "\uD7FF", "\uE000", "\uFF5E", "\uFFFF", "\U00010000", "\U0001F600", "\U0010FFFF");
        var paths = Gen.ArrayOf(pieces).Select(string.Concat).ToArbitrary();
        Prop.ForAll(paths, paths, (x, y) => Math.Sign(PathOrder.Compare(x, y)) == Math.Sign(Reference(x, y))).QuickCheckThrowOnFailure();
    }

    private static int Reference(string x, string y)
    {
        var (left, right) = (x.Split('/'), y.Split('/'));
        for (var i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            // Bytes of UTF-8 sort as code points do.
            var order = Encoding.UTF8.GetBytes(left[i]).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right[i]));
            if (order != 0)
                return order;
        }
        return left.Length.CompareTo(right.Length);
    }
}
