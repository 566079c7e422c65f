using Iba;
using Iba.Datasets;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Evaluation;
using Iba.Methods;

namespace Benchmarks;

/// <summary>
/// Images per second of the degradation measure against those of the plain forward pass in batches of 32, on the same full-size network, interleaved:
/// medians of the rounds and the median of their ratios.
/// </summary>
internal static class DegradationThroughput
{
    private const int Batch = 32, Photos = 2;

    public static void Run(string architecture, int rounds)
    {
        using var backend = new CpuBackend();
        Network network = new FullSizeNetwork(architecture, backend).Network;
        using var measure = new DegradationMeasure(new Classifier(network), tile: 14);
        using var inference = new Inference(network, FullSizeNetwork.Image.WithN(Batch));
        var random = new Random(1);
        ExplainedPhoto[] photos = [.. Enumerable.Range(0, Photos).Select(_ => Explained())];
        float[] images = Pixels(Batch);
        var method = new EvaluatedMethod(AttributionMethods.Find("random"), new MethodInputs(network, FullSizeNetwork.Image));
        int degraded = Photos * (int)((IMeasure)measure).ForwardPasses, plain = (degraded + Batch - 1) / Batch * Batch;

        var measured = new List<(double Plain, double Degraded)>();
        for (int round = -1; round < rounds; round++)
        {
            var forward = new Clock(Environment.ProcessorCount);
            for (int done = 0; done < plain; done += Batch)
                inference.Run(images);
            double seconds = forward.Seconds;
            var degradation = new Clock(Environment.ProcessorCount);
            int records = measure.Measure(method, photos, CancellationToken.None).Count();
            // The first round also records and allocates.
            if (round >= 0)
                measured.Add((plain / seconds, degraded / degradation.Seconds));
            Console.Error.WriteLine($"round {round + 1} of {rounds}: {plain / seconds:0.0}, {degraded / degradation.Seconds:0.0} images/s, {records} records");
        }
        double Median(Func<(double Plain, double Degraded), double> of) => measured.Select(of).Order().ElementAt(measured.Count / 2);
        Console.WriteLine($"{architecture}, {Environment.ProcessorCount} threads: forward {Median(each => each.Plain):0.0} images/s, degradation "
            + $"{Median(each => each.Degraded):0.0} images/s, ratio {Median(each => each.Degraded / each.Plain):0.000}");

        float[] Pixels(int count) => [.. Enumerable.Range(0, count * FullSizeNetwork.Image.Count).Select(_ => 4 * random.NextSingle() - 2)];

        ExplainedPhoto Explained()
        {
            var map = new Heatmap(FullSizeNetwork.Image.H, FullSizeNetwork.Image.W,
                [.. Enumerable.Range(0, FullSizeNetwork.Image.H * FullSizeNetwork.Image.W).Select(_ => random.NextSingle())], HeatmapUnit.Relative);
            var photo = new LabelledPhoto(
                new ImageFile("photo", "photo", null), null!, new Sample(Pixels(1)) { Preprocessing = null }, TargetSource.Prediction, null);
            return new ExplainedPhoto(photo, new Explanation(map, 0, new float[network.Output(FullSizeNetwork.Image).C]));
        }
    }
}
