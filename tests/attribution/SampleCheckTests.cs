using Iba;
using Iba.Bottleneck;
using Iba.Engine.Tensors;
using Iba.Images;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;
using Tests.Networks;
using Xunit;

namespace Tests.Attribution;

/// <summary>Every method refuses images that are not preprocessed photos before it computes anything, with the same message.</summary>
public sealed class SampleCheckTests : IDisposable
{
    private const int Size = 32;

    private static readonly Shape Image = new(1, Size, Size, 3);

    private readonly NarrowNetwork _narrow = NarrowNetwork.Open("resnet50-narrow");

    public void Dispose() => _narrow.Dispose();

    [Theory]
    [InlineData("per-sample")]
    [InlineData("readout")]
    [InlineData("gradient")]
    [InlineData("smoothgrad")]
    [InlineData("integrated-gradients")]
    [InlineData("grad-cam")]
    [InlineData("guided-grad-cam")]
    [InlineData("occlusion-14")]
    [InlineData("lrp-alpha1-beta0")]
    [InlineData("random")]
    public void Numbers_that_no_photo_gives_are_refused(string name)
    {
        StatisticsSet statistics = Statistics(null);
        using var readout = new ReadoutNetwork(_narrow.Backend, statistics, new ReadoutSettings());
        using IAttributionMethod method = AttributionMethods.Find(name).Create(new MethodInputs(_narrow.Network, Image)
        {
            Statistics = statistics.First,
            Readout = from => new ReadoutBottleneck(from.Network, readout, from.Image),
        });
        string place = "image 1: number 100 (row 1, column 1, green) is ";
        foreach (float number in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            Assert.StartsWith($"{place}{number}: pixels must be finite", Refused(method, number, Preprocessing.ImageNet));
            Assert.StartsWith($"{place}{number}: pixels must be finite", Refused(method, number, null));
        }
        // Green is between (0 - 0.456) / 0.224 = -2.0357 and (1 - 0.456) / 0.224 = 2.4286.
        foreach (float number in (float[])[-2.036f, 2.429f, 128])
            Assert.Contains("outside -2.036 to 2.429, the range of its preprocessing (resize 256 bilinear, crop 224",
                Refused(method, number, Preprocessing.ImageNet));
        Assert.Contains("outside 0 to 1", Refused(method, 1.001f, Preprocessing.ImageNet.NotNormalised));
        Assert.Single(method.Attribute([new Sample(Photo(2.429f)) { Preprocessing = null }]));
    }

    [Fact]
    public void The_extreme_colours_of_any_preprocessing_are_in_its_range()
    {
        using var method = new RandomMap(_narrow.Network, Image);
        foreach (Preprocessing preprocessing in (Preprocessing[])[Preprocessing.ImageNet, Preprocessing.ImageNet.NotNormalised,
            Preprocessing.ImageNet with { Mean = new(0.48235f, 0.45882f, 0.40784f), Std = new(1 / 255f, 1 / 255f, 1 / 255f) }])
        {
            foreach (double colour in (double[])[0, 1])
            {
                // Another order of operations, rounded once, as a program in double precision computes it.
                float[] pixels = [.. Enumerable.Range(0, Size * Size * 3)
                    .Select(i => (float)((colour * 255 - 255.0 * preprocessing.Mean[i % 3]) / (255.0 * preprocessing.Std[i % 3])))];
                Assert.Single(method.Attribute([new Sample(pixels) { Preprocessing = preprocessing }]));
            }
        }
    }

    [Fact]
    public void Statistics_of_photos_prepared_otherwise_are_refused_and_both_are_named()
    {
        Preprocessing wider = Preprocessing.ImageNet with { Resize = 232 };
        using var method = new PerSampleBottleneck(_narrow.Network, Statistics(Preprocessing.ImageNet).First, Image);
        string message = Assert.Throws<StatisticsException>(() => method.Attribute([new Sample(Photo(0)) { Preprocessing = wider }]).Count()).Message;
        Assert.Contains("resize 256 bilinear", message);
        Assert.Contains("resize 232 bilinear", message);
        Assert.Single(method.Attribute([new Sample(Photo(0))]));
    }

    [Fact]
    public void An_image_that_is_not_finite_is_refused_by_estimates()
    {
        float[][] images = [Photo(0), Photo(float.NaN)];
        Assert.Contains("image 1: number 100", Assert.Throws<ArgumentException>(() => Estimation.Run(_narrow.Network, "layer1", Image, images)).Message);
        Assert.Contains("image 1: number 100", Assert.Throws<ArgumentException>(() => PatternFit.Run(_narrow.Network, Image, images)).Message);
    }

    private StatisticsSet Statistics(Preprocessing? preprocessing) =>
        Estimation.Run(_narrow.Network, ["layer1"], Image, [Photo(0), Photo(1), Photo(2)], preprocessing: preprocessing);

    /// <summary>Zeros, except for one value at row 1, column 1, green.</summary>
    private static float[] Photo(float number)
    {
        var pixels = new float[Image.Row];
        pixels[(Size + 1) * 3 + 1] = number;
        return pixels;
    }

    private static string Refused(IAttributionMethod method, float number, Preprocessing? preprocessing)
    {
        Sample[] samples = [.. ((float[])[0, number]).Select(each => new Sample(Photo(each)) { Preprocessing = preprocessing })];
        return Assert.Throws<ArgumentException>(() => method.Attribute(samples).Count()).Message;
    }
}
