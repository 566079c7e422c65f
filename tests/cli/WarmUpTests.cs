using Iba;
using Iba.Cli;
using Xunit;

namespace Tests.Cli;

/// <summary>What runs beside the reading of weights, whose errors nobody would see.</summary>
public sealed class WarmUpTests
{
    [Fact]
    public void It_explains_an_image()
    {
        Explanation map = WarmUp.Explain();
        Assert.All(map.Heatmap.Values, value => Assert.True(float.IsFinite(value)));
        Assert.Equal((64, 64), (map.Heatmap.Height, map.Heatmap.Width));
    }
}
