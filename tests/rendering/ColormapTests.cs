using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class ColormapTests
{
    /// <summary>matplotlib's seismic: its five colours, the place of each, straight lines between them.</summary>
    private static readonly (double Place, double R, double G, double B)[] Anchors =
        [(0, 0, 0, 0.3), (0.25, 0, 0, 1), (0.5, 1, 1, 1), (0.75, 1, 0, 0), (1, 0.5, 0, 0)];

    [Fact]
    public void Seismic_has_the_colours_of_matplotlib()
    {
        for (int i = 0; i < 256; i++)
            AssertColour(i / 255.0, Colormap.Seismic[(i + 0.5) / 256]);
    }

    [Fact]
    public void The_upper_half_runs_from_white_over_red_to_dark_red()
    {
        Assert.Equal(Rgb.White, Colormap.SeismicUpperHalf[0]);
        for (int i = 0; i < 256; i++)
            AssertColour(0.5 + i / 510.0, Colormap.SeismicUpperHalf[(i + 0.5) / 256]);
    }

    [Fact]
    public void Places_outside_take_the_nearer_end()
    {
        Assert.Equal(Colormap.Seismic[0], Colormap.Seismic[-3]);
        Assert.Equal(Colormap.Seismic[0], Colormap.Seismic[double.NegativeInfinity]);
        Assert.Equal(Colormap.Seismic[1], Colormap.Seismic[7]);
        Assert.Equal(Colormap.Seismic[1], Colormap.Seismic[double.PositiveInfinity]);
    }

    private static void AssertColour(double place, Rgb actual)
    {
        int i = 0;
        while (i < 3 && place > Anchors[i + 1].Place)
            i++;
        var ((from, r0, g0, b0), (_, r1, g1, b1)) = (Anchors[i], Anchors[i + 1]);
        double t = (place - from) * 4;
        // Half a level of rounding; matplotlib's own bytes are cut, not rounded.
        Assert.Equal(255 * (r0 + t * (r1 - r0)), actual.R, 0.5001);
        Assert.Equal(255 * (g0 + t * (g1 - g0)), actual.G, 0.5001);
        Assert.Equal(255 * (b0 + t * (b1 - b0)), actual.B, 0.5001);
    }
}
