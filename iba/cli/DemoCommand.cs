using System.CommandLine;
using Engine.Backends.Cpu;
using Engine.Networks;

namespace Iba.Cli;

/// <summary><c>iba demo train</c>: makes the embedded demo networks again.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var network = new Option<string>("--network") { Description = "resnet50 or vgg16.", Required = true };
        network.AcceptOnlyFromAmong(ResNet50.Name, Vgg16.Name);
        var output = new Option<string>("--out") { Description = "The .safetensors file to write. FILE.checkpoint is kept beside it until then: the same command goes on from there.", Required = true, HelpName = "FILE" };
        var defaults = new DemoRecipe();
        var images = new Option<int>("--images") { Description = "Images to learn from.", DefaultValueFactory = _ => defaults.Images };
        var epochs = new Option<double>("--epochs") { Description = "Times every image is seen, in each of three stages.", DefaultValueFactory = _ => defaults.Epochs };
        var rate = new Option<double>("--learning-rate") { Description = "Adam's largest step size.", DefaultValueFactory = _ => defaults.Rate };
        var divisor = new Option<int>("--divisor") { Description = "torchvision's channels are divided by this.", DefaultValueFactory = _ => defaults.Divisor };
        var threads = new Option<int>("--threads") { Description = "Cores to use; 0 for all. The result does not depend on it." };
        var train = new Command("train", "Train a small network on the shapes data set. A second call goes on where the first was stopped.")
        {
            network, output, images, epochs, rate, divisor, threads,
        };
        train.SetAction(parsed =>
        {
            var recipe = new DemoRecipe
            {
                Network = parsed.GetValue(network)!,
                Images = parsed.GetValue(images),
                Epochs = parsed.GetValue(epochs),
                Rate = parsed.GetValue(rate),
                Divisor = parsed.GetValue(divisor),
            };
            if (recipe.Images < 640 || recipe.Divisor is < 1 or > 16 || recipe.Epochs <= 0 || recipe.Rate <= 0)
                throw new UsageException("--images must be at least 640, --divisor 1 to 16, --epochs and --learning-rate above 0.");
            using var backend = new CpuBackend(parsed.GetValue(threads));
            recipe.Train(backend, parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return new Command("demo", "The embedded demo networks.") { train };
    }
}
