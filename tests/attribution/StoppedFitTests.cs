using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Methods;
using Iba.Statistics;
using Tests.Devices;
using Xunit;

namespace Tests.Attribution;

/// <summary>The maps on the way of a fit that does not come to its end.</summary>
public sealed class StoppedFitTests(Cpu cpu) : TestsOnDevice(cpu), IClassFixture<Cpu>
{
    /// <summary>Means so far away that the gradient of the information overflows: the first mask has a map, those after its update have none.</summary>
    [Fact]
    public void A_fit_that_diverges_keeps_the_maps_before()
    {
        using MethodCase of = Case();
        FeatureStatistics narrow = of.Statistics with { Mean = [.. of.Statistics.Mean.Select(mean => 1e15f * mean)] };
        MethodInputs inputs = of.Inputs with { Statistics = narrow, Bottleneck = of.Inputs.Bottleneck with { Beta = BottleneckSettings.MostBeta } };
        IReadOnlyList<ComparedColumn> columns = SharedWorkTests.Of(of, 1).RunUpdates(inputs, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(EvolutionStep.PaperUpdates.Count, columns.Count);
        Assert.NotNull(columns[0].Maps[0].Explanation);
        Assert.Null(columns[0].Maps[0].Failure);
        Assert.All(columns.Skip(1), column =>
        {
            Assert.Null(column.Maps[0].Explanation);
            Assert.Contains("the optimisation diverged: the loss of step 0", column.Maps[0].Failure!.Reason, StringComparison.Ordinal);
        });
    }

    /// <summary>As where a checked run meets a number that is not finite while the loss of the fifth step is computed.</summary>
    /// <param name="line">The line of the loop's tape.</param>
    /// <param name="backward">Whether its derivative is not finite.</param>
    /// <param name="kept">The maps on the way that there were by then.</param>
    [Theory]
    [InlineData(0, false, 3)]
    [InlineData(int.MaxValue, false, 4)]
    [InlineData(int.MaxValue, true, 3)]
    public void A_fit_that_a_check_stops_keeps_the_maps_before(int line, bool backward, int kept)
    {
        using MethodCase of = Case();
        MethodInputs inputs = of.Inputs with { Statistics = of.Statistics };
        IReadOnlyList<ComparedColumn> whole = SharedWorkTests.Of(of, 1).RunUpdates(inputs, cancellation: TestContext.Current.CancellationToken);
        var backend = (Backend)On.Backend;
        int appended = 0;
        // Each step appends two losses.
        backend.Entered = call =>
        {
            if (call == nameof(IBackend.Append) && appended++ == 2 * EvolutionStep.PaperUpdates[3])
                throw new NonFiniteLineException(new NonFiniteLine(line, "loss", "Sum", backward, new NumberRange("loss", 0, 0, 1, 1), new Shape(1, 1), []));
        };
        try
        {
            IReadOnlyList<ComparedColumn> stopped = SharedWorkTests.Of(of, 1).RunUpdates(inputs, cancellation: TestContext.Current.CancellationToken);
            Assert.All(whole.Zip(stopped).Take(kept), both => SharedWorkTests.Same(both.First.Maps[0].Explanation!, both.Second.Maps[0].Explanation!));
            Assert.All(stopped.Skip(kept), column =>
            {
                Assert.Null(column.Maps[0].Explanation);
                Assert.Contains("of the tape, loss = Sum", column.Maps[0].Failure!.Reason, StringComparison.Ordinal);
            });
        }
        finally
        {
            backend.Entered = null;
        }
    }

    private MethodCase Case() => new("grad-cam", "resnet50-narrow", On, isSlow: true);
}
