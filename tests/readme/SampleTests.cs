using System.Text;
using Iba;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Evaluation;
using Iba.Explaining;
using Iba.Images;
using Iba.Methods;
using Iba.Statistics;
using Iba.Weights;
using Xunit;

namespace Tests.Readme;

/// <summary>The README's code, compiled and run: every sample must work.</summary>
public sealed class SampleTests
{
    [Fact]
    public void The_samples_of_the_readme_run()
    {
        using var folder = new TemporaryFolder();
        string weightsFile = Golden.Path("resnet50-narrow.pth"), photoFile = Golden.Path("preprocessing/rgb.png"),
            statisticsFile = folder["statistics.safetensors"];
        string photosFolder = folder["photos"], annotationsFolder = folder["annotations"];
        Directory.CreateDirectory(photosFolder);
        Directory.CreateDirectory(annotationsFolder);
        File.Copy(photoFile, folder["photos/a.png"]);
        new Annotation("", 90, 90, [new AnnotatedObject("thing", new Box(30, 30, 60, 60))]).Write(folder["annotations/a.xml"]);
        var output = new StringBuilder();

        using IBackend backend = new CpuBackend();
        using StateDict weights = StateDict.Open(weightsFile);
        Network network = NetworkBuilder.Build(weights, backend);
        Estimate(network, statisticsFile);
        FeatureStatistics statistics = FeatureStatistics.Load(statisticsFile);

        Explain(weightsFile, statisticsFile, photoFile, output);
        Assert.Contains(" bits, at most ", output.ToString(), StringComparison.Ordinal);
        output.Clear();

        NetworkInput photo = Preprocessing.ImageNet.Apply(PhotoFile.Read(photoFile));
        using var bottleneck = new PerSampleBottleneck(network, statistics, new Shape(1, 224, 224, 3));
        foreach (BottleneckExplanation result in bottleneck.Attribute([new Sample(photo.Values)]))
            output.AppendLine($"class {result.Target}: {result.TotalBits:0} bits, at most {result.Heatmap.Max:0.00} per pixel");

        Tensor input = backend.Allocate(new Shape(1, 224, 224, 3)), target = backend.Allocate(new Shape(1));
        backend.Upload(photo.Values, input);
        backend.Upload([3f], target);
        using var tape = new Tape(backend);
        Value image = tape.Variable(input, "image");
        Value loss = network.Record(image, fused: false).CrossEntropy(tape.Constant(target, "target")).Sum();
        tape.Forward();
        Gradients d = tape.Backward(loss);
        output.AppendLine($"{tape}");
        Tensor gradient = d[tape["layer2.3"]];

        var classifier = new Classifier(network) { WeightsSha256 = weights.Sha256() };
        var photos = new LabelledPhotos(classifier, new PhotoSet(photosFolder), annotationsFolder);
        var method = new EvaluatedMethod(AttributionMethods.Find("grad-cam"), new MethodInputs(network, classifier.Image));
        var run = new EvaluationRun(photos, [method], [new BoxMeasure(classifier)]);
        foreach (Score score in Measures.Find("boxes").Scores(run.Records()))
            output.AppendLine($"{score.Method ?? score.Quantity}: {score.Value:0.000} over {score.Photos} photos");

        Assert.Contains("grad-cam: ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("the boxes' share of the photos: 0.", output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("class ", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("layer4.2.add = Add", output.ToString(), StringComparison.Ordinal);
        Assert.Equal(new Shape(1, 28, 28, 64), gradient.Shape);
    }

    [Fact]
    public void The_readmes_op_computes_its_formula_and_its_derivative()
    {
        float[] numbers = [-30, -2, -0.5f, 0, 0.25f, 1, 30];
        using var backend = new CpuBackend();
        Tensor data = backend.Allocate(new Shape(numbers.Length));
        backend.Upload(numbers, data);
        using var tape = new Tape(backend);
        Value x = tape.Variable(data, "x"), y = x.Map(new Tanh());
        tape.Forward();
        float[] value = new float[numbers.Length], slope = new float[numbers.Length];
        backend.Download(y.Data, value);
        backend.Download(tape.Backward(y)[x], slope);
        for (int i = 0; i < numbers.Length; i++)
        {
            double exact = Math.Tanh(numbers[i]);
            Assert.Equal(exact, value[i], 2e-7);
            Assert.Equal(1 - exact * exact, slope[i], 4e-7);
        }
    }

    /// <summary>Every line of the README's C# is also in this folder, except for file names and output.</summary>
    [Fact]
    public void The_readme_shows_the_code_that_was_run()
    {
        string readme = File.ReadAllText(Path.Combine(Golden.Root, "README.md")), folder = Path.Combine(Golden.Root, "tests", "readme");
        string source = string.Concat(Directory.GetFiles(folder, "*.cs").Select(file => Squeeze(File.ReadAllText(file))));
        string[] blocks = [.. readme.Split("```").Where(block => block.StartsWith("csharp", StringComparison.Ordinal))];
        Assert.Equal(5, blocks.Length);
        foreach (string line in blocks.SelectMany(block => block.Split('\n').Skip(1)).Where(line => line.Trim().Length > 0))
            Assert.Contains(Squeeze(line), source, StringComparison.Ordinal);
    }

    private static string Squeeze(string code)
    {
        string text = code.Replace("weightsFile", "\"resnet50.pth\"").Replace("statisticsFile", "\"statistics.safetensors\"")
            .Replace("photoFile", "\"photo.jpg\"").Replace("mapFile", "\"map.png\"")
            .Replace("photosFolder", "\"photos\"").Replace("annotationsFolder", "\"annotations\"")
            .Replace("output.AppendLine($\"{tape}\")", "Console.WriteLine(tape)").Replace("output.AppendLine", "Console.WriteLine");
        IEnumerable<string> lines = text.Split('\n')
            .Select(line => line.Contains("//", StringComparison.Ordinal) ? line[..line.IndexOf("//", StringComparison.Ordinal)] : line);
        return string.Concat(lines.Select(line => line.Trim()));
    }

    private static void Explain(string weightsFile, string statisticsFile, string photoFile, StringBuilder output)
    {
        string folder = Path.GetDirectoryName(statisticsFile)!, mapFile = Path.Combine(folder, "map.png");
        using var explainer = Explainer.Open(weightsFile, statisticsFile);
        PhotoExplanation photo = explainer.Explain(photoFile);
        output.AppendLine($"{photo.Label}: p {photo.Probability:0.000}, {photo.Bits?.TotalBits:0} bits, at most {photo.Heatmap.Max:0.00} per pixel");
        File.WriteAllBytes(mapFile, photo.ToPng());
        Assert.True(new FileInfo(mapFile).Length > 1000);
    }

    private static void Estimate(Network network, string file)
    {
        IEnumerable<float[]> photos = new PhotoSet(Golden.Path("preprocessing")).Files
            .Select(image => Preprocessing.ImageNet.Apply(PhotoFile.Read(image.Path)).Values);
        Estimation.Run(network, ResNet.ResNet50.DefaultLayer, new Shape(1, 224, 224, 3), photos, batch: 2).Save(file);
    }
}
