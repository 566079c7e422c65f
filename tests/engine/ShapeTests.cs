using Iba.Engine.Backends.Cpu;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Engine;

public sealed class ShapeTests
{
    [Theory]
    [InlineData(-4)]
    [InlineData(0)]
    [InlineData(3, -1, 5)]
    [InlineData(int.MinValue, int.MinValue)]
    public void An_extent_below_one_is_no_shape(params int[] dims) =>
        Assert.Contains($"({string.Join(", ", dims)}): it is no shape", Assert.Throws<ShapeException>(() => new Shape(dims)).Message);

    [Theory]
    [InlineData("15052800000 elements, 57421 MiB", 100_000, 224, 224, 3)]
    [InlineData("2147483648 elements", 65536, 32768)]
    [InlineData("4611686014132420609 elements", int.MaxValue, int.MaxValue)]
    [InlineData("9903520300447984150353281023 elements", int.MaxValue, int.MaxValue, int.MaxValue)]
    public void A_shape_too_large_for_a_tensor_says_how_large(string size, params int[] dims)
    {
        string message = Assert.Throws<TensorSizeException>(() => new Shape(dims)).Message;
        Assert.Contains(size, message);
        Assert.Contains($"({string.Join(", ", dims)})", message);
        Assert.Contains("Take fewer", message);
    }

    [Fact]
    public void The_largest_shape_is_one() => Assert.Equal(int.MaxValue, new Shape(1, int.MaxValue, 1).Count);

    [Fact]
    public void More_rows_than_an_int_can_count_are_refused()
    {
        var image = new Shape(1, 224, 224, 3);
        Assert.Contains("3000000000 images or rows of (1, 224, 224, 3)", Assert.Throws<TensorSizeException>(() => image.WithN(3_000_000_000)).Message);
        Assert.Throws<TensorSizeException>(() => image.WithN(100_000));
        Assert.Throws<ShapeException>(() => image.WithN(-1));
        Assert.Throws<ShapeException>(() => image.WithN(long.MinValue));
    }

    [Fact]
    public void A_shape_does_not_change_with_the_array_that_it_was_made_of()
    {
        int[] dims = [2, 3];
        var shape = new Shape(dims);
        dims[0] = 1000;
        Assert.Equal("(2, 3)", shape.ToString());
        Assert.Equal(6, shape.Count);
    }

    [Fact]
    public void The_shape_of_nothing_is_refused()
    {
        using var backend = new CpuBackend(1);
        Assert.Contains("at least one extent", Assert.Throws<ShapeException>(() => backend.Allocate(default)).Message);
        Assert.Throws<ShapeException>(() => backend.Allocate(new Shape(1)).View(0, default));
    }
}
