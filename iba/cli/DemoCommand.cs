using System.CommandLine;
using System.Globalization;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Training;
using Iba.Shapes;
using Iba.Shapes.Training;
using Iba.Weights;

namespace Iba.Cli;

/// <summary><c>iba demo train</c>: trains the embedded demo networks again.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        NumberRange<double> times = Number.Above(0.0) with { Most = 1e6 };
        string[] networks = [.. DemoRecipe.All.Select(recipe => recipe.Network)];
        var network = new Option<string>("--network") { Description = $"{string.Join(" or ", networks)}.", Required = true };
        network.AcceptOnlyFromAmong(networks);
        var output = new Option<string>("--out")
        {
            Description = "The .safetensors file to write. Until then FILE.checkpoint beside it is updated; the same command resumes from it.",
            Required = true,
            HelpName = "FILE",
            Validators = { Validators.FileToWrite(), Validators.FileToResume(".checkpoint") },
        };
        var images = new Option<int?>("--images")
        {
            Description = "Training images. The defaults of this and the following options are those of the embedded networks.",
            CustomParser = Number.AtLeast(DemoRecipe.Batch).Optional,
        };
        var epochs = new Option<double?>("--epochs")
        {
            Description = "Epochs of close-ups, and again of scenes at half the size.",
            CustomParser = times.Optional,
        };
        var large = new Option<double?>("--large-epochs") { Description = "Epochs at the full size.", CustomParser = times.Optional };
        var rate = new Option<double?>("--learning-rate")
        {
            Description = "Adam's largest learning rate.",
            CustomParser = (Number.Above(0.0) with { Most = Setting.MostLearningRate }).Optional,
        };
        var divisor = new Option<int?>("--divisor") { Description = "Divisor of torchvision's channels.", CustomParser = Number.Between(1, 16).Optional };
        var test = new Option<int>("--test-images")
        {
            Description = "New images to measure the accuracy on.",
            DefaultValueFactory = _ => DemoRecipe.DefaultTestImages,
            CustomParser = Number.AtLeast(1).Parse,
        };
        var checkpoint = new Option<double>("--checkpoint-every")
        {
            Description = "Seconds between checkpoints: the work that is lost if the process is killed.",
            DefaultValueFactory = _ => 60,
            CustomParser = Number.Between(0, 1e6).Parse,
        };
        var deviceOptions = new DeviceOptions(winograd: false);
        var train = new Command("train", "Train a small network on the shapes data set. After an interruption, the same command resumes.")
        {
            network, output, images, epochs, large, rate, divisor, test, checkpoint,
        };
        deviceOptions.AddTo(train);
        train.SetAction(parsed =>
        {
            DemoRecipe usual = DemoRecipe.All.Single(recipe => recipe.Network == parsed.GetValue(network));
            DemoRecipe recipe = usual with
            {
                Images = parsed.GetValue(images) ?? usual.Images,
                Epochs = parsed.GetValue(epochs) ?? usual.Epochs,
                LargeEpochs = parsed.GetValue(large) ?? usual.LargeEpochs,
                Rate = parsed.GetValue(rate) ?? usual.Rate,
                Divisor = parsed.GetValue(divisor) ?? usual.Divisor,
                TestImages = parsed.GetValue(test),
                CheckpointEvery = TimeSpan.FromSeconds(parsed.GetValue(checkpoint)),
            };
            using IBackend backend = deviceOptions.Choice(parsed).Open();
            Train(recipe, backend, parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return new Command("demo", "The embedded demo networks.") { train };
    }

    private static void Train(DemoRecipe recipe, IBackend backend, string path)
    {
        Network network = recipe.Build(backend);
        using ShapesImages near = Open(recipe.Near), small = Open(recipe.Small), large = Open(recipe.Large);
        IReadOnlyList<Stage> stages = recipe.Stages(near, small, large);
        string checkpoint = $"{path}.checkpoint";
        Terminal.Progress($"training {recipe.Network}", stages.Sum(stage => stage.Rate.Steps), bar => recipe.Train(
            network, stages, checkpoint,
            new TrainingRelay<TrainingProgress>(
                bar, at => (at.Step, at.Steps),
                at => $"loss {at.Loss:0.000}, accuracy {at.Accuracy:P1}, {at.ImagesPerSecond:0} images/s, {at.Left:h\\:mm\\:ss} left"),
            Interrupt.Token));

        using ShapesImages test = Open(recipe.Test);
        double accuracy = DemoRecipe.Accuracy(network, test, Interrupt.Token);
        ParameterWriter.Write(network, path, ElementType.F16, new Dictionary<string, string>
        {
            ["about"] = $"{recipe.Description}, trained on the shapes data set by: iba demo train --network {recipe.Network}",
            ["classes"] = string.Join(", ", ShapesDataset.Classes),
            ["device"] = Arithmetic.Of(backend).Device,
            ["precision"] = Arithmetic.Of(backend).Precision,
            ["accuracy"] = accuracy.ToString("0.0000", CultureInfo.InvariantCulture),
        }, Interrupt.Token);
        File.Delete(checkpoint);
        Terminal.Say($"{path}: {accuracy:P1} of {recipe.TestImages} new images are classified correctly.");
    }

    private static ShapesImages Open(DemoPictures pictures) => Terminal.Progress(
        $"rendering at {pictures.Size}", pictures.Count, bar => pictures.Open(Folders.Images, bar, Terminal.Warn, Interrupt.Token));
}
