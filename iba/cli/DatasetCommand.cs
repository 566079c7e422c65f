using System.CommandLine;
using Iba.Rendering;
using Iba.Shapes;

namespace Iba.Cli;

/// <summary><c>iba dataset shapes</c>: images in which the evidence for the class is known.</summary>
internal static class DatasetCommand
{
    private const string SheetName = "contact-sheet.png";

    /// <summary>Rows and columns of an image on the overview sheet, pixels; a scene is the same at every size.</summary>
    private const int SheetTile = 112;

    public static Command Create()
    {
        var output = new Option<string>("--out")
        {
            Description = "A new folder, or the folder of an interrupted run, which continues.",
            Required = true,
            HelpName = "DIR",
            Validators = { Validators.FolderToWrite },
        };
        var count = new Option<int>("--count")
        {
            Description = "Number of images; the ten classes alternate.",
            Required = true,
            CustomParser = Number.AtLeast(1).Parse,
        };
        Option<ulong> seed = CommonOptions.Seed("The same seed gives the same pixels on every machine. Use different seeds for training and test.");
        var size = new Option<int>("--size")
        {
            Description = "Rows and columns of an image.",
            DefaultValueFactory = _ => ShapesDataset.DefaultSize,
            CustomParser = Number.Between(ShapesDataset.MinSize, ShapesDataset.MaxSize).Parse,
        };
        var shapes = new Command(
            "shapes", "Generate images of ten classes on a cluttered background, with boxes and masks of the objects that decide the class.")
        {
            output, count, seed, size,
        };
        shapes.SetAction(parsed =>
        {
            string folder = parsed.GetValue(output)!;
            int images = parsed.GetValue(count);
            var dataset = new ShapesDataset(parsed.GetValue(seed), parsed.GetValue(size));
            Terminal.Progress("rendering", images, bar =>
                new ShapesFolder(folder).Write(dataset, images, new ProgressRelay<int>(done => bar.Report(done)), cancellation: Interrupt.Token));
            PngFile.Write(Path.Combine(folder, SheetName), ContactSheet.Draw(new ShapesDataset(dataset.Seed, SheetTile)), cancel: Interrupt.Token);
            Terminal.Say($"{folder}: {images} images of {ShapesDataset.Classes.Count} classes in images/, boxes in annotations/, masks in masks/, "
                + $"an overview in {SheetName}.");
            return (int)ExitCode.Done;
        });
        return new Command("dataset", "Generate images in which the evidence for the class is known.") { shapes };
    }
}
